import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { countFacts } from '../../test/http/facts.ts';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, pushBlob, pushImage, randomBytes } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
let digest: string;
const blob = randomBytes(10_000);
const url = (name = 'blobs', of = digest) => `${server.url}/v2/${name}/blobs/${of}`;
const get = (headers: Record<string, string> = {}, method = 'GET') => fetch(url(), { method, headers });

beforeAll(async () => {
  server = await startTestApp();
  digest = await pushBlob(server.url, 'blobs', blob);
});
afterAll(() => server[Symbol.asyncDispose]());

describe.each(['GET', 'HEAD'])('lesson 33: %s of a blob', (method) => {
  test('has its digest, length, type and name for caches, and names no file', async () => {
    const { status, headers } = await get({}, method);
    expect(status).toBe(200);
    expect(headers.get('docker-content-digest')).toBe(digest);
    expect(headers.get('content-length')).toBe('10000');
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('content-disposition')).toBe('attachment');
    expect(headers.get('etag')).toBe(`"${digest}"`);
    expect(headers.get('accept-ranges')).toBe('bytes');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('docker-distribution-api-version')).toBe('registry/2.0');
  });

  test('lesson 42: is 304 for whoever has it', async () => {
    for (const tag of [`"${digest}"`, `W/"${digest}"`, `"x", "${digest}"`, '*', digest]) {
      const answer = await get({ 'If-None-Match': tag }, method);
      expect(answer.status).toBe(304);
      expect(answer.headers.get('etag')).toBe(`"${digest}"`);
      expect(await answer.text()).toBe('');
    }
    expect((await get({ 'If-None-Match': `"${digestOf('else')}"` }, method)).status).toBe(200);
  });
});

test('lesson 56: a blob is never encoded, whatever the client would accept', async () => {
  const text = 'a'.repeat(100_000);
  const plain = await pushBlob(server.url, 'blobs', text);
  const answer = await fetch(url('blobs', plain), { headers: { 'Accept-Encoding': 'zstd, gzip, br' } });
  expect(answer.headers.get('content-encoding')).toBeNull();
  expect(answer.headers.get('vary')).toBeNull();
  expect(answer.headers.get('content-length')).toBe('100000');
  expect(await answer.text()).toBe(text);
});

test('lesson 16: a blob is answered, not redirected', async () => {
  const methods = ['GET', 'HEAD'];
  const answers = await Promise.all(methods.map((method) => fetch(url(), { method, redirect: 'manual' })));
  for (const answer of answers) {
    expect(answer.status).toBe(200);
    expect(answer.headers.get('location')).toBeNull();
  }
});

describe('lesson 27: a blob of another repository', () => {
  test('does not exist here, in the same words as one that exists nowhere', async () => {
    await pushImage(server.url, 'other', 'latest');
    const words = async (of: string) => {
      const answer = await fetch(url('other', of));
      const { code, message } = await errorOf(answer);
      return { status: answer.status, code, message };
    };
    expect(await words(digest)).toEqual(await words(digestOf('nowhere')));
    expect((await words(digest)).status).toBe(404);
  });

  test('is not linked by a HEAD or a GET, and neither writes', async () => {
    const before = await countFacts(server.app, server.data);
    for (const method of ['HEAD', 'GET']) {
      expect((await fetch(url('other'), { method })).status).toBe(404);
      expect((await fetch(url('blobs'), { method })).status).toBe(200);
    }
    expect(await countFacts(server.app, server.data)).toEqual(before);
  });
});
