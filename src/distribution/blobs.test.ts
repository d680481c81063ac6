import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { countFacts } from '../../test/http/facts.ts';
import { portOf, requestText, sendRaw } from '../../test/http/raw.ts';
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

describe('lesson 55: a Range', () => {
  test.each([
    ['bytes=500-1499', 500, 1499],
    ['bytes=500-', 500, 9999],
    ['bytes=-500', 9500, 9999],
    ['bytes=0-0', 0, 0],
    ['bytes=9999-9999', 9999, 9999],
    ['bytes=0-9999', 0, 9999],
    ['bytes=0-', 0, 9999],
    ['bytes=2000-50000', 2000, 9999],
    ['bytes=-50000', 0, 9999],
    ['bytes=1-99999999999999999999', 1, 9999],
    ['Bytes=1-2', 1, 2],
  ])('%s is 206 with bytes %i to %i', async (range, start, end) => {
    const answer = await get({ Range: range });
    expect(answer.status).toBe(206);
    expect(answer.headers.get('content-range')).toBe(`bytes ${start}-${end}/10000`);
    expect(answer.headers.get('content-length')).toBe(String(end - start + 1));
    expect(answer.headers.get('docker-content-digest')).toBe(digest);
    expect(Buffer.from(await answer.arrayBuffer()).equals(Buffer.from(blob.subarray(start, end + 1)))).toBe(true);
  });

  test.each(['bytes=10000-', 'bytes=10000-10001', 'bytes=500-0', 'bytes=-0', 'bytes=99999999999999999999-'])(
    '%s is 416 with the size',
    async (range) => {
      const answer = await get({ Range: range });
      expect(answer.status).toBe(416);
      expect(answer.headers.get('content-range')).toBe('bytes */10000');
      expect(await errorOf(answer)).toMatchObject({ code: 'RANGE_INVALID', detail: { size: 10_000 } });
    },
  );

  // What Bun would answer by itself is among these.
  test.each(['bytes=0-1,5-6', 'bytes=5-6,', 'bytes = 1-2', 'items=1-2', 'bytes=a-b', 'bytes=-', 'bytes', '', 'bytes=0x1-2', 'bytes=+1-2'])(
    'that is several, or none (%p), is ignored',
    async (range) => {
      const answer = await sendRaw(portOf(server.url), requestText('GET', new URL(url()).pathname, ['Host: localhost', `Range: ${range}`]));
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-length')).toBe('10000');
      expect(answer.headers.get('content-range')).toBeNull();
      expect(Buffer.from(answer.body, 'latin1').equals(Buffer.from(blob))).toBe(true);
    },
  );

  test('counts only where If-Range names this content', async () => {
    const ranged = (ifRange: string) => get({ Range: 'bytes=0-9', 'If-Range': ifRange });
    expect((await ranged(`"${digest}"`)).status).toBe(206);
    for (const other of ['"else"', `W/"${digest}"`, 'Wed, 21 Oct 2015 07:28:00 GMT']) {
      const answer = await ranged(other);
      expect(answer.status).toBe(200);
      expect((await answer.arrayBuffer()).byteLength).toBe(10_000);
    }
  });

  test('means nothing to HEAD, and nothing after If-None-Match', async () => {
    expect((await get({ Range: 'bytes=0-9' }, 'HEAD')).status).toBe(200);
    expect((await get({ Range: 'bytes=0-9', 'If-None-Match': `"${digest}"` })).status).toBe(304);
  });

  test('of the empty blob is all of it', async () => {
    const empty = await pushBlob(server.url, 'blobs', '');
    const answer = await fetch(url('blobs', empty), { headers: { Range: 'bytes=0-' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('0');
  });

  test('leaves the connection open for the next one', async () => {
    const target = new URL(url()).pathname;
    const one = (range: string) => requestText('GET', target, ['Host: localhost', `Range: ${range}`]);
    for (const range of ['bytes=0-9', 'bytes=20000-']) {
      expect((await sendRaw(portOf(server.url), one(range))).closed).toBe(false);
    }
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

describe('lesson 31: DELETE of a blob', () => {
  test('removes the link of one repository only', async () => {
    const shared = await pushBlob(server.url, 'delete/a', randomBytes(100));
    const mounted = await fetch(`${server.url}/v2/delete/b/blobs/uploads/?mount=${shared}&from=delete/a`, { method: 'POST' });
    expect(mounted.status).toBe(201);
    const deleted = await fetch(url('delete/a', shared), { method: 'DELETE' });
    expect(deleted.status).toBe(202);
    expect((await fetch(url('delete/a', shared))).status).toBe(404);
    expect((await fetch(url('delete/b', shared))).status).toBe(200);
    expect((await fetch(url('delete/a', shared), { method: 'DELETE' })).status).toBe(404);
  });

  test('is 409 while a manifest names it', async () => {
    const image = await pushImage(server.url, 'delete/held', 'latest');
    const answer = await fetch(url('delete/held', image.layerDigest), { method: 'DELETE' });
    expect(answer.status).toBe(409);
    expect(await errorOf(answer)).toMatchObject({ detail: { digest: image.layerDigest, manifest: image.digest } });
  });
});

describe('mounts', () => {
  const mount = (name: string, query: string) => fetch(`${server.url}/v2/${name}/blobs/uploads/?${query}`, { method: 'POST' });

  test('with a source', async () => {
    const answer = await mount('mount/from', `mount=${digest}&from=blobs`);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/v2/mount/from/blobs/${digest}`);
    expect(answer.headers.get('docker-content-digest')).toBe(digest);
    expect((await fetch(url('mount/from'))).status).toBe(200);
  });

  test('lesson 29: without a source, from wherever it is', async () => {
    expect((await mount('mount/anonymous', `mount=${digest}`)).status).toBe(201);
    expect((await fetch(url('mount/anonymous'))).status).toBe(200);
  });

  test.each([
    ['a blob that does not exist', () => `mount=${digestOf('nowhere')}&from=blobs`],
    ['a blob that exists nowhere, without a source', () => `mount=${digestOf('nowhere')}`],
    ['a source that does not have it', () => `mount=${digest}&from=none`],
    ['a source that is no name', () => `mount=${digest}&from=../blobs`],
    ['an empty source', () => `mount=${digest}&from=`],
  ])('lesson 28, lesson 30: of %s is 202 with a session to upload to', async (_, query) => {
    const answer = await mount('mount/missing', query());
    expect(answer.status).toBe(202);
    expect(answer.headers.get('range')).toBe('0-0');
    const session = new URL(answer.headers.get('location')!, server.url);
    const content = randomBytes(10);
    expect((await fetch(`${session}?digest=${digestOf(content)}`, { method: 'PUT', body: content })).status).toBe(201);
    expect((await fetch(url('mount/missing'))).status).toBe(404);
  });
});

describe('a blob whose bytes are missing', () => {
  test('is 404 on GET, right on HEAD until then, and the next push heals it', async () => {
    const lost = randomBytes(1000);
    const of = await pushBlob(server.url, 'lost', lost);
    await pushBlob(server.url, 'lost/too', lost);
    const hex = of.slice(7);
    const directory = join(server.data, 'blobs', 'sha256', hex.slice(0, 2));
    for (const file of new Bun.Glob(`${hex}-*`).scanSync({ cwd: directory })) await rename(join(directory, file), join(server.data, file));
    const head = await fetch(url('lost', of), { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe('1000');
    const answer = await fetch(url('lost', of));
    expect(answer.status).toBe(404);
    expect(await errorOf(answer)).toMatchObject({ code: 'BLOB_UNKNOWN', detail: { requestId: answer.headers.get('x-request-id')! } });
    for (let tries = 0; tries < 200 && (await fetch(url('lost', of), { method: 'HEAD' })).status !== 404; tries++) await Bun.sleep(5);
    // Now a client that asks first is told to push.
    expect((await fetch(url('lost/too', of), { method: 'HEAD' })).status).toBe(404);
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('bonded_missing_files_total 1\n');
    await pushBlob(server.url, 'lost', lost);
    expect((await (await fetch(url('lost', of))).bytes()).length).toBe(1000);
  });
});
