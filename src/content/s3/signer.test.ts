import { afterAll, beforeEach, expect, test } from 'bun:test';
import type { SignedRequest } from '../../outbound/index.ts';
import { startS3 } from '../../../test/support/s3.ts';
import { connectS3, type S3Options } from './client.ts';
import { type Credentials, createSigner } from './signer.ts';

const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];
const before = names.map((name) => [name, process.env[name]] as const);
const own = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalr+/=' };

/** What the client signs with. */
function setCredentials({ accessKeyId, secretAccessKey }: Credentials, token?: string): void {
  const values = [accessKeyId, secretAccessKey, token];
  for (const [at, name] of names.entries()) setVariable(name, values[at]);
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

beforeEach(() => setCredentials(own));
afterAll(() => {
  for (const [name, value] of before) setVariable(name, value);
});

const options: S3Options = {
  bucket: 'layers',
  prefix: '',
  region: 'eu-central-1',
  pathStyle: false,
  encryption: { mode: 'none' },
  requestTimeoutMs: 1000,
};

/** A signer, and the keys that it has had the client sign. */
async function createRig(more: Partial<S3Options> = {}, credentials?: () => Promise<Credentials>) {
  const { client, sign, ...connection } = await connectS3({ ...options, ...more });
  const byClient: string[] = [];
  const signer = createSigner((key) => {
    byClient.push(key);
    return sign(key);
  }, credentials ?? connection.credentials);
  return { client, sign, signer, byClient };
}

const keys = ['blobs/0a-sha256-0b', "p é/(1)!*'/a+b&c=d?.#%25/~_-.", 'a//b'];

test.each([
  ['AWS', {}],
  ['another provider', { endpoint: 'https://s3.example.com' }],
  ['a bucket in the path', { endpoint: 'http://127.0.0.1:9000', pathStyle: true }],
  ['a path before the bucket', { endpoint: 'http://[::1]:80/a%20b', pathStyle: true }],
])('%s: what the client signs has the same signature and address in its likeness', async (_, more) => {
  for (const token of [undefined, 'a/b+c=']) {
    setCredentials(own, token);
    // Whichever is the first, which is compared with the client's, it is signed in its likeness from then on.
    for (const first of keys) {
      const { sign, signer, byClient } = await createRig(more);
      await signer.sign(first);
      for (const key of keys) {
        const { url, headers } = await signer.sign(key);
        expect(url).toBe((await sign(key)).url);
        expect(headers['x-amz-security-token']).toBe(token);
      }
      expect(byClient).toEqual([first]);
    }
  }
});

test('those that come at once wait for one signature of the client', async () => {
  const { signer, byClient } = await createRig();
  const signed = await Promise.all(keys.map((key) => signer.sign(key)));
  expect(byClient).toEqual([keys[0]!]);
  expect(new Set(signed.map(({ headers }) => headers['authorization'])).size).toBe(keys.length);
});

test('S3 takes what was signed in the likeness of another, and refuses it for another object', async () => {
  const s3 = await startS3();
  const bucket = await s3.bucket();
  const at = { endpoint: s3.endpoint, pathStyle: true, bucket, region: 'us-east-1' };
  const { client, signer, byClient } = await createRig(at);
  const { PutObjectCommand } = await import('@aws-sdk/client-s3');
  const written = ['first', "p é(1)!*'/a+b&c=d"];
  for (const Key of written) await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: Key }));
  const get = ({ url, headers }: SignedRequest) => fetch(url, { headers });
  for (const key of written) expect(await (await get(await signer.sign(key))).text()).toBe(key);
  expect(byClient).toEqual(['first']);
  const { headers } = await signer.sign('first');
  expect((await get({ ...(await signer.sign(written[1]!)), headers })).status).toBe(403);
});

test('after a refusal the client signs again, once for all that were signed in the same likeness', async () => {
  const { signer, byClient } = await createRig();
  const [one, two] = [await signer.sign('1'), await signer.sign('2')];
  signer.forget(one);
  await signer.sign('3');
  signer.forget(two);
  await signer.sign('4');
  expect(byClient).toEqual(['1', '3']);
});

test('where it is not certain what the client signs with, it signs each request', async () => {
  const other = (change: Partial<Credentials>) => async () => ({ ...own, ...change });
  const unknown = async () => {
    throw new Error('none');
  };
  for (const credentials of [other({ accessKeyId: 'B' }), other({ secretAccessKey: 'B' }), unknown]) {
    const { signer, byClient } = await createRig({}, credentials);
    for (const key of ['1', '2']) expect((await signer.sign(key)).url).toEndWith(`/${key}?x-id=GetObject`);
    expect(byClient).toEqual(['1', '1', '2']);
  }
  const { signer, byClient } = await createRig({}, other({}));
  for (const key of ['1', '2']) await signer.sign(key);
  expect(byClient).toEqual(['1']);
});

test('a signature that fails is told to whoever waits for it, and tried again', async () => {
  let tries = 0;
  const { sign } = await createRig();
  const signer = createSigner(
    async (key) => {
      if (tries++ === 0) throw new Error('no credentials');
      return sign(key);
    },
    async () => own,
  );
  await expect(signer.sign('1')).rejects.toThrow('no credentials');
  expect((await signer.sign('1')).headers['authorization']).toStartWith('AWS4-HMAC-SHA256 ');
});
