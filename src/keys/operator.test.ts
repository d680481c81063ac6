import { expect, test } from 'bun:test';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeEcKey } from './ec-key.ts';
import { signerOf, signJws } from './jws.ts';
import { ensureOperatorKey, readOperatorKey } from './operator-key.ts';
import { loadOperatorVerifier, operatorTokenType, signOperatorToken } from './operator-token.ts';

async function inData(action: (data: string, file: string) => Promise<void>): Promise<void> {
  const data = await mkdtemp(join(tmpdir(), 'bonded-operator-'));
  try {
    await action(data, join(data, 'keys', 'operator.jwk'));
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

const audience = 'https://registry.example';
const nowMs = 1_800_000_000_000;
const now = () => nowMs;

test('the key is made once for its user alone, and signs what the server believes', () =>
  inData(async (data, file) => {
    await Promise.all(Array.from({ length: 5 }, () => ensureOperatorKey(data)));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const key = await readOperatorKey(data);
    await ensureOperatorKey(data);
    expect((await readOperatorKey(data)).kid).toBe(key.kid);
    const verifier = await loadOperatorVerifier(data);
    const result = verifier.verify(signOperatorToken(key, { audience, ttlMs: 90_500, now }), { audience, nowMs });
    const iat = nowMs / 1000;
    const jti = result.ok && result.claims.jti;
    expect(jti).toMatch(/^[0-9a-f-]{36}$/);
    const claims = { iss: 'urn:bonded:operator', sub: 'operator', aud: audience, iat, nbf: iat, exp: iat + 90, jti };
    expect(result).toEqual({ ok: true, claims } as never);
    expect(signOperatorToken(key, { audience, now })).not.toBe(signOperatorToken(key, { audience, now }));
  }));

test('a file that is missing, readable by others, or damaged: which, and what to do', () =>
  inData(async (data, file) => {
    await expect(readOperatorKey(data)).rejects.toThrow(`there is no ${file}; the server makes it when it starts`);
    await expect(loadOperatorVerifier(data)).rejects.toThrow('there is no');
    await ensureOperatorKey(data);
    await chmod(file, 0o640);
    await expect(readOperatorKey(data)).rejects.toThrow('can be read or changed by other users');
    // The server takes it back from the group that a volume gives it to, never from everybody.
    await ensureOperatorKey(data);
    await readOperatorKey(data);
    await chmod(file, 0o644);
    for (const use of [readOperatorKey, ensureOperatorKey, loadOperatorVerifier])
      await expect(use(data)).rejects.toThrow('(mode 0644). Make it private (chmod 600)');
    const rsa = '{"kty":"oct","k":"c3dvcmRmaXNo"}';
    for (const text of ['', '{', 'null', '{"d":"swordfish"}', rsa]) {
      await writeFile(file, text);
      await chmod(file, 0o600);
      const error = await readOperatorKey(data).catch((reason: Error) => reason);
      expect(error).toMatchObject({ message: expect.stringContaining(`${file} is damaged; remove it`) });
      expect(Bun.inspect(error)).not.toMatch(/swordfish|c3dvcmRmaXNo/);
    }
  }));

test('each check of a token of the operator refuses, and says what', () =>
  inData(async (data) => {
    await ensureOperatorKey(data);
    const key = await readOperatorKey(data);
    const verifier = await loadOperatorVerifier(data);
    const verify = (token: string, at = nowMs) => {
      const result = verifier.verify(token, { audience, nowMs: at });
      return result.ok ? 'verified' : result.reason;
    };
    const iat = nowMs / 1000;
    const claims = {
      iss: 'urn:bonded:operator',
      sub: 'operator',
      aud: audience,
      iat,
      nbf: iat,
      exp: iat + 60,
      jti: 'a',
    };
    const signed = (changes: object, typ = operatorTokenType, by = key) =>
      signJws(signerOf(by.kid, by.privateKey), { ...claims, ...changes }, typ);
    expect(verify(signed({}))).toBe('verified');
    expect(verify(signed({}), nowMs + 95_000)).toBe('expired');
    expect(verify(signed({}), nowMs - 35_000)).toBe('early');
    expect(verify(signed({ exp: iat + 601 }))).toBe('lifetime');
    expect(verify(signed({ iat: undefined }))).toBe('times');
    expect(verify(signed({ exp: undefined }))).toBe('times');
    expect(verify(signed({ aud: 'https://another.example' }))).toBe('audience');
    expect(verify(signed({ iss: 'urn:bonded' }))).toBe('issuer');
    expect(verify(signed({ sub: 'root' }))).toBe('subject');
    for (const jti of [undefined, '', 7, 'x'.repeat(129)]) expect(verify(signed({ jti }))).toBe('id');
    expect(verify(signed({}, 'JWT'))).toBe('type');
    expect(verify(signed({}, operatorTokenType, makeEcKey()))).toBe('unknown-kid');
    expect(verify(signed({}, operatorTokenType, { ...makeEcKey(), kid: key.kid }))).toBe('signature');
    expect(verify('')).toBe('format');
  }));

test('a token of the operator lives ten minutes at most', () => {
  const key = makeEcKey();
  for (const ttlMs of [0, 999, 600_001, Number.NaN, Number.POSITIVE_INFINITY, -1])
    expect(() => signOperatorToken(key, { audience, ttlMs, now })).toThrow(RangeError);
  expect(signOperatorToken(key, { audience, ttlMs: 600_000, now })).toBeString();
});
