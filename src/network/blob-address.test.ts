import { expect, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { equalBytes } from '../keys/index.ts';
import type { Digest } from '../oci/index.ts';
import { blobAddressMs, createBlobAddresses, type SignedBlob } from './blob-address.ts';

let now = 1_000_000;
const open = (secret = 'secret') =>
  createBlobAddresses({
    hmac: (data) => createHmac('sha256', secret).update(data).digest(),
    equal: equalBytes,
    now: () => now,
  });
const digest: Digest = `sha256:${'0a'.repeat(32)}`;
const blob: SignedBlob = {
  registryId: 7,
  repository: 'team/app',
  repositoryId: 12,
  digest,
  way: 'link:vpce-1',
  trusted: false,
};
const split = (address: string) => address.split('?') as [string, string];

test('an address opens the blob that it was made for, for twenty minutes', () => {
  const addresses = open();
  const [path, query] = split(addresses.sign(blob));
  expect(path).toBe(`/blobs/${digest}`);
  expect(addresses.read(path, query)).toEqual(blob);
  now += blobAddressMs - 2000;
  expect(addresses.read(path, query)).toEqual(blob);
  now += 3000;
  expect(addresses.read(path, query)).toBeUndefined();
});

test('it opens no other blob, and nothing once a character of it differs', () => {
  const addresses = open();
  const [path, query] = split(addresses.sign(blob));
  expect(addresses.read(`/blobs/sha256:${'0b'.repeat(32)}`, query)).toBeUndefined();
  expect(addresses.read(`${path}/`, query)).toBeUndefined();
  expect(addresses.read(path, `${query}&x=1`)).toBeUndefined();
  expect(open('another').read(path, query)).toBeUndefined();
  for (let at = 'token='.length; at < query.length; at++) {
    const other = query[at] === 'A' ? 'B' : 'A';
    const forged = query.slice(0, at) + other + query.slice(at + 1);
    expect(addresses.read(path, forged)).toBeUndefined();
  }
  for (const odd of ['', 'token=', 'token=.', query.slice(0, -1), `${query}A`, query.repeat(20)]) {
    expect(addresses.read(path, odd)).toBeUndefined();
  }
});
