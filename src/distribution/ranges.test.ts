import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { asOperator, portOf, requestText, sendRaw } from '../../test/http/raw.ts';
import { errorOf, pushBlob, randomBytes } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
let digest: string;
const blob = randomBytes(10_000);
const url = (of = digest) => `${server.url}/v2/blobs/blobs/${of}`;
const get = (headers: Record<string, string> = {}, method = 'GET') => fetch(url(), { method, headers });

beforeAll(async () => {
  server = await startTestApp();
  digest = await pushBlob(server.url, 'blobs', blob);
});
afterAll(() => server[Symbol.asyncDispose]());

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
  test.each([
    'bytes=0-1,5-6',
    'bytes=5-6,',
    'bytes = 1-2',
    'items=1-2',
    'bytes=a-b',
    'bytes=-',
    'bytes',
    '',
    'bytes=0x1-2',
    'bytes=+1-2',
  ])('that is several, or none (%p), is ignored', async (range) => {
    const answer = await sendRaw(
      portOf(server.url),
      asOperator(server.url, requestText('GET', new URL(url()).pathname, ['Host: localhost', `Range: ${range}`])),
    );
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('10000');
    expect(answer.headers.get('content-range')).toBeNull();
    expect(Buffer.from(answer.body, 'latin1').equals(Buffer.from(blob))).toBe(true);
  });

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
    const answer = await fetch(url(empty), { headers: { Range: 'bytes=0-' } });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-length')).toBe('0');
  });

  test('leaves the connection open for the next one', async () => {
    const target = new URL(url()).pathname;
    const one = (range: string) =>
      asOperator(server.url, requestText('GET', target, ['Host: localhost', `Range: ${range}`]));
    for (const range of ['bytes=0-9', 'bytes=20000-']) {
      expect((await sendRaw(portOf(server.url), one(range))).closed).toBe(false);
    }
  });
});
