import { afterAll, afterEach, beforeAll, describe, expect } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, openUpload, pushImage } from '../../test/http/registry.ts';
import { type Refusal, type TestApp, testRefusals } from '../../test/http/refusals.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: TestApp;
beforeAll(async () => {
  server = await startTestApp({ settings: { 'uploads.maxBlobSize': '1MiB' } });
});
afterAll(() => server[Symbol.asyncDispose]());

const none = digestOf('no such content');
const mib = 2 ** 20;
const send = (method: string, path: string, body = '', headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, { method, headers, ...(method !== 'GET' && { body }) });
const post = (query: string, body?: string) => () => send('POST', `/v2/a/blobs/uploads/${query}`, body);

/** Sends a body without Content-Length. */
const stream = (method: string, path: string, text: string, range: string) => {
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await Bun.sleep(1);
      controller.enqueue(Buffer.from(text));
      controller.close();
    },
  });
  return fetch(`${server.url}${path}`, { method, headers: { 'Content-Range': range }, body });
};

testRefusals(
  () => server,
  [
    {
      what: 'a whole blob with the wrong digest',
      request: post(`?digest=${none}`, 'hello'),
      status: 400,
      code: 'DIGEST_INVALID',
      detail: { expected: none, actual: digestOf('hello'), size: 5 },
    },
    {
      what: 'no body with the digest of something',
      request: post(`?digest=${none}`),
      status: 400,
      code: 'DIGEST_INVALID',
      detail: { expected: none, size: 0 },
    },
    {
      what: 'a whole blob beyond the limit',
      request: post(`?digest=${none}`, 'x'.repeat(mib + 1)),
      status: 413,
      code: 'SIZE_INVALID',
      detail: { maxBytes: mib },
    },
    {
      what: 'an unknown digest algorithm',
      request: post('?digest-algorithm=md5'),
      status: 400,
      code: 'DIGEST_INVALID',
      detail: { algorithm: 'md5' },
    },
    ...['GET', 'PATCH', 'DELETE'].flatMap((method) =>
      ['0'.repeat(32), 'x', '..%2f..'].map((id) => ({
        what: `${method} of the upload ${id}`,
        request: () => send(method, `/v2/a/blobs/uploads/${id}`),
        status: 404,
        code: 'BLOB_UPLOAD_UNKNOWN',
        detail: { upload: id },
      })),
    ),
  ],
);

describe('in an upload of 5 bytes', () => {
  let path: string;
  beforeAll(async () => {
    await pushImage(server.url, 'a', 'latest');
    path = new URL(await openUpload(server.url, 'a')).pathname;
    await send('PATCH', path, 'hello');
  });

  afterEach(async () => {
    expect((await send('GET', path)).headers.get('range')).toBe('0-4');
  });

  const chunk = (range: string) => () => send('PATCH', path, 'world', { 'Content-Range': range });
  const close = (query: string, body?: string, headers?: Record<string, string>) => () =>
    send('PUT', path + query, body, headers);
  const outOfOrder = { status: 416, code: 'RANGE_INVALID', headers: { range: '0-4' } };
  const other = digestOf('x');

  const refusals: Refusal[] = [
    { what: 'a chunk after a gap', request: chunk('6-10'), ...outOfOrder, detail: { expected: 5, received: 6 } },
    { what: 'a chunk that overlaps', request: chunk('3-7'), ...outOfOrder, detail: { expected: 5, received: 3 } },
    { what: 'a chunk from 0', request: chunk('0-4'), ...outOfOrder, detail: { expected: 5, received: 0 } },
    {
      what: 'a Content-Range that is none',
      request: chunk('five-nine'),
      ...outOfOrder,
      detail: { expected: 5, contentRange: 'five-nine' },
    },
    { what: 'a Content-Range that ends before it begins', request: chunk('5-4'), ...outOfOrder },
    { what: 'a Content-Range beyond 2^53', request: chunk('5-99999999999999999'), ...outOfOrder },
    {
      what: 'a last chunk out of order',
      request: () => send('PUT', `${path}?digest=${other}`, 'world', { 'Content-Range': '0-4' }),
      ...outOfOrder,
      detail: { expected: 5, received: 0 },
    },
    {
      what: 'a chunk of another length than its Content-Range',
      request: chunk('5-20'),
      status: 400,
      code: 'SIZE_INVALID',
      detail: { contentLength: 5, contentRange: 16 },
      headers: { range: '0-4' },
    },
    {
      what: 'a Content-Range without a chunk',
      request: () => fetch(`${server.url}${path}`, { method: 'PATCH', headers: { 'Content-Range': '5-9' } }),
      status: 400,
      code: 'SIZE_INVALID',
      detail: { contentLength: 0, contentRange: 5 },
      headers: { range: '0-4' },
    },
    ...['PATCH', 'PUT'].map((method) => ({
      what: `a ${method} without a length that is longer than its Content-Range`,
      request: () => stream(method, `${path}?digest=${digestOf('helloworld')}`, 'world', '5-8'),
      status: 400,
      code: 'SIZE_INVALID',
      detail: { contentRange: 4 },
    })),
    {
      what: 'a last chunk without a length that is shorter than its Content-Range',
      request: () => stream('PUT', `${path}?digest=${digestOf('helloworld')}`, 'world', '5-10'),
      status: 400,
      code: 'BLOB_UPLOAD_INVALID',
    },
    {
      what: 'a chunk beyond the limit',
      request: () => send('PATCH', path, 'x'.repeat(mib)),
      status: 413,
      code: 'SIZE_INVALID',
      detail: { maxBytes: mib },
    },
    { what: 'a PUT without a digest', request: close(''), status: 400, code: 'DIGEST_INVALID' },
    {
      what: 'a PUT with a malformed digest',
      request: close('?digest=sha256:x'),
      status: 400,
      code: 'DIGEST_INVALID',
      detail: { digest: 'sha256:x' },
    },
    {
      what: 'a PUT with the wrong digest',
      request: close(`?digest=${other}`),
      status: 400,
      code: 'DIGEST_INVALID',
      detail: { expected: other, actual: digestOf('hello'), size: 5 },
    },
    {
      what: 'a PUT with the wrong last chunk',
      request: close(`?digest=${other}`, 'world'),
      status: 400,
      code: 'DIGEST_INVALID',
      detail: { actual: digestOf('helloworld'), size: 10 },
    },
    {
      what: 'the path of another repository',
      request: () => send('GET', path.replace('/v2/a/', '/v2/b/')),
      status: 404,
      code: 'BLOB_UPLOAD_UNKNOWN',
    },
  ];
  testRefusals(() => server, refusals);
});
