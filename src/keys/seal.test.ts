import { expect, test } from 'bun:test';
import { createSealer } from './seal.ts';

const secret = 'q'.repeat(43);
const key = Buffer.from('a private key of some length, which nobody may read');

test('what was sealed opens under the same secret, for the same row, and looks like nothing', () => {
  const [one, other] = [createSealer(secret), createSealer(secret)];
  const sealed = one.seal(key, 'token a');
  expect(other.unseal(sealed, 'token a')).toEqual(key);
  expect(other.fingerprint).toBe(one.fingerprint);
  expect(Buffer.from(sealed, 'base64url').includes(key.subarray(0, 4))).toBe(false);
  expect(one.seal(key, 'token a')).not.toBe(sealed);
});

test('under another secret, for another row, and with any bit changed it does not open', () => {
  const sealer = createSealer(secret);
  const sealed = sealer.seal(key, 'token a');
  const other = createSealer(`${secret.slice(1)}r`);
  expect(other.fingerprint).not.toBe(sealer.fingerprint);
  expect(() => other.unseal(sealed, 'token a')).toThrow();
  for (const boundTo of ['token b', 'hmac a', 'token a ', '']) expect(() => sealer.unseal(sealed, boundTo)).toThrow();
  const bytes = Buffer.from(sealed, 'base64url');
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    expect(() => sealer.unseal(changed.toString('base64url'), 'token a')).toThrow();
  }
  for (const length of [0, 1, 12, 27, 28, bytes.length - 1])
    expect(() => sealer.unseal(bytes.subarray(0, length).toString('base64url'), 'token a')).toThrow();
});

test('the fingerprint is neither the secret nor part of it', () => {
  const { fingerprint } = createSealer(secret);
  expect(fingerprint).toMatch(/^[A-Za-z0-9_-]{16}$/);
  expect(secret).not.toContain(fingerprint);
});
