import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { countFacts, type Facts, nothing } from '../../test/http/facts.ts';
import { openRaw, portOf, requestText, sendRaw } from '../../test/http/raw.ts';
import { digestOf, errorOf, layerDescriptor, makeImage, ociIndex, ociManifest, openUpload, pushImage, putManifest } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

/* What a client did wrong it is told so that it can do better, and nothing of it stays. */

let server: Awaited<ReturnType<typeof startTestApp>>;
const image = makeImage();
const none = digestOf('no such content');
const call = (method: string, path: string, headers: Record<string, string> = {}, body?: string | Uint8Array<ArrayBuffer>) =>
  fetch(`${server.url}${path}`, { method, headers, ...(body !== undefined && { body }) });
const facts = (): Promise<Facts> => countFacts(server.app, server.data);

beforeAll(async () => {
  server = await startTestApp({ settings: { 'uploads.maxBlobSize': '1MiB', 'uploads.stallTimeout': '1s' } });
});
afterAll(() => server[Symbol.asyncDispose]());

type Case = [what: string, request: () => Promise<Response>, status: number, code: string, detail: Record<string, unknown>];
const post = (query = '', body?: string) => () => call('POST', `/v2/bad/blobs/uploads/${query}`, {}, body);
const put = (text: string, type = ociManifest, reference = 'latest') => () => putManifest(server.url, 'bad', reference, text, type);
const manifest = (extra: Record<string, unknown>) => put(JSON.stringify({ ...JSON.parse(image.text), ...extra }));

const names = ['A', 'a..b', 'a/', '/a', 'a//b', '-a', 'a-', '_a', 'a__', 'a.', '.a', 'a___b', 'a b', 'ä', 'a'.repeat(256), 'a/.hidden'];
const digests = ['sha256:', 'sha256:0', `sha256:${'0'.repeat(63)}`, `sha256:${'A'.repeat(64)}`, `sha256:${'0'.repeat(65)}`, `md5:${'0'.repeat(32)}`, `sha512:${'0'.repeat(64)}`, 'sha256:../../etc/passwd', 'x'];
const tags = ['.a', '-a', 'a'.repeat(129), 'a@b', 'ä', 'a,b'];
const pages = ['-1', 'x', '1.5', '', '1e3', '9999999999'];

describe.each<Case>([
  ...names.map<Case>((name) => [`the name ${name.slice(0, 40)}`, () => putManifest(server.url, encodeURI(name), 'latest', image.text), 400, 'NAME_INVALID', {}]),
  ...digests.map<Case>((digest) => [`a blob with the digest ${digest.slice(0, 80)}`, () => call('GET', `/v2/bad/blobs/${encodeURIComponent(digest)}`), 400, 'DIGEST_INVALID', {}]),
  ...digests.map<Case>((digest) => [`an upload with the digest ${digest.slice(0, 80)}`, post(`?digest=${encodeURIComponent(digest)}`, 'x'), 400, 'DIGEST_INVALID', { digest: digest.slice(0, 160) }]),
  ...tags.map<Case>((tag) => [`the tag ${tag.slice(0, 40)}`, put(image.text, ociManifest, encodeURI(tag)), 400, 'TAG_INVALID', {}]),
  ...pages.flatMap<Case>((n) => [
    [`a page of ${n} repositories`, () => call('GET', `/v2/_catalog?n=${n}`), 400, 'PAGINATION_NUMBER_INVALID', { n }],
  ]),
  ['a tag that looks like a digest', put(image.text, ociManifest, 'sha256:abc'), 400, 'DIGEST_INVALID', { digest: 'sha256:abc' }],
  ['a mount with a malformed digest', post('?mount=sha256:x&from=a'), 400, 'DIGEST_INVALID', { digest: 'sha256:x' }],
  ['an unknown digest algorithm', post('?digest-algorithm=md5'), 400, 'DIGEST_INVALID', { algorithm: 'md5' }],
  ['a manifest by an unknown digest algorithm', put(image.text, ociManifest, 'latest?digest-algorithm=md5'), 400, 'DIGEST_INVALID', {}],
  ['a referrers digest that is malformed', () => call('GET', '/v2/bad/referrers/sha256:x'), 400, 'DIGEST_INVALID', { digest: 'sha256:x' }],
  ['a whole blob with the wrong digest', post(`?digest=${none}`, 'hello'), 400, 'DIGEST_INVALID', { expected: none, actual: digestOf('hello'), size: 5 }],
  ['an empty body with the digest of something', post(`?digest=${none}`), 400, 'DIGEST_INVALID', { expected: none, size: 0 }],
  ['a blob beyond the limit', post(`?digest=${none}`, 'x'.repeat(2 ** 20 + 1)), 413, 'SIZE_INVALID', { maxBytes: 2 ** 20 }],
  ['a blob that is not there', () => call('GET', `/v2/bad/blobs/${none}`), 404, 'NAME_UNKNOWN', { name: 'bad' }],
  ['an upload that is not there', () => call('PATCH', `/v2/bad/blobs/uploads/${'0'.repeat(32)}`, {}, 'x'), 404, 'BLOB_UPLOAD_UNKNOWN', { upload: '0'.repeat(32) }],
  ['an upload id that is none', () => call('GET', '/v2/bad/blobs/uploads/..%2f..'), 404, 'BLOB_UPLOAD_UNKNOWN', {}],
  ['a manifest that is no JSON', put('{'), 400, 'MANIFEST_INVALID', {}],
  ['an empty manifest', put(''), 400, 'MANIFEST_INVALID', {}],
  ['a manifest that is a list', put('[]'), 400, 'MANIFEST_INVALID', {}],
  ['a manifest in another encoding', () => putManifest(server.url, 'bad', 'latest', new Uint8Array([0x7b, 0xff, 0x7d])), 400, 'MANIFEST_INVALID', {}],
  ['a manifest nested without end', put('['.repeat(100_000)), 400, 'MANIFEST_INVALID', {}],
  ['a manifest of schema 1', put('{"schemaVersion":1}', 'application/vnd.docker.distribution.manifest.v1+prettyjws'), 400, 'MANIFEST_INVALID', { reason: 'schema1' }],
  ['a media type that is no manifest', put('{}', 'text/html'), 400, 'MANIFEST_INVALID', {}],
  ['no media type at all', () => call('PUT', '/v2/bad/manifests/latest', { 'Content-Type': '' }, new TextEncoder().encode('{"schemaVersion":2}')), 400, 'MANIFEST_INVALID', {}],
  ['a Content-Type that contradicts the manifest', put(image.text, ociIndex), 400, 'MANIFEST_INVALID', { field: 'mediaType' }],
  ['a layer without a digest', manifest({ layers: [{ mediaType: 'a/b', size: 1 }] }), 400, 'MANIFEST_INVALID', { field: 'layers[0].digest' }],
  ['a layer with a negative size', manifest({ layers: [{ ...layerDescriptor('x'), size: -1 }] }), 400, 'MANIFEST_INVALID', { field: 'layers[0].size' }],
  ['a subject that is no descriptor', manifest({ subject: 'x' }), 400, 'MANIFEST_INVALID', { field: 'subject' }],
  ['an annotation that is no text', manifest({ annotations: { a: 1 } }), 400, 'MANIFEST_INVALID', { field: 'annotations' }],
  ['a manifest larger than 4 MiB', put(`{"a":"${'x'.repeat(4 * 2 ** 20)}"}`), 413, 'SIZE_INVALID', { maxBytes: 4 * 2 ** 20 }],
  ['a manifest with another digest', put(image.text, ociManifest, none), 400, 'DIGEST_INVALID', { expected: none, actual: image.digest }],
  ['a manifest whose blobs are not there', put(image.text), 404, 'MANIFEST_BLOB_UNKNOWN', {}],
  ['an index whose manifests are not there', put(JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [{ mediaType: ociManifest, digest: none, size: 5 }] }), ociIndex), 404, 'MANIFEST_BLOB_UNKNOWN', {}],
  ['a tag parameter that is none', put(image.text, ociManifest, `${image.digest}?tag=ok&tag=.no`), 400, 'TAG_INVALID', { tag: '.no' }],
  ['more tags than one push may set', put(image.text, ociManifest, `${image.digest}?${Array.from({ length: 101 }, (_, at) => `tag=t${at}`).join('&')}`), 414, 'TAG_INVALID', {}],
  ['a delete of what is not there', () => call('DELETE', `/v2/bad/manifests/latest`), 404, 'NAME_UNKNOWN', { name: 'bad' }],
])('%s', (_, request, status, code, detail) => {
  test(`is ${status} ${code} and leaves nothing`, async () => {
    const answer = await request();
    const error = await errorOf(answer);
    expect(error).toMatchObject({ code, detail: { ...detail, requestId: answer.headers.get('x-request-id')! } });
    expect(error.message).toBeString();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await facts()).toEqual(nothing);
  });
});

describe('over the wire', () => {
  const headers = (...more: string[]) => ['Host: localhost', `Content-Type: ${ociManifest}`, ...more];
  const send = (method: string, target: string, lines: string[], body: string) =>
    sendRaw(portOf(server.url), requestText(method, target, lines) + body);

  test('a manifest that says it is larger than 4 MiB is 413 before it is read', async () => {
    const answer = await send('PUT', '/v2/bad/manifests/latest', headers(`Content-Length: ${4 * 2 ** 20 + 1}`), '');
    expect(answer.status).toBe(413);
    expect(answer.body).toContain('"code":"SIZE_INVALID"');
  });

  test('a chunked manifest is counted as it comes, and 413 beyond 4 MiB', async () => {
    using connection = await openRaw(portOf(server.url));
    connection.socket.write(requestText('PUT', '/v2/bad/manifests/latest', headers('Transfer-Encoding: chunked')));
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
    // One chunk over the limit, and no end.
    for (let at = 0; at < 65; at++) connection.socket.write(chunk);
    expect(await connection.until((text) => text.includes('}]}'))).toStartWith('HTTP/1.1 413 ');
    expect(connection.text()).toContain('"code":"SIZE_INVALID"');
  });

  test('a body that is shorter than it says, from a client that hangs up, leaves nothing of a blob or a manifest', async () => {
    for (const [method, target] of [
      ['PUT', '/v2/bad/manifests/latest'],
      ['POST', `/v2/bad/blobs/uploads/?digest=${none}`],
    ] as const) {
      using connection = await openRaw(portOf(server.url));
      connection.socket.write(`${requestText(method, target, headers('Content-Length: 1000'))}half`);
      await Bun.sleep(50);
      connection.socket.destroy();
    }
    for (let tries = 0; tries < 200 && JSON.stringify(await facts()) !== JSON.stringify(nothing); tries++) await Bun.sleep(10);
    expect(await facts()).toEqual(nothing);
  });

  test('a body that is longer than it says leaves nothing', async () => {
    const target = `/v2/bad/blobs/uploads/?digest=${digestOf('hello world')}`;
    const answer = await send('POST', target, headers('Content-Length: 5'), 'hello world');
    expect(answer.status).not.toBe(201);
    expect(answer.closed).toBe(true);
    for (let tries = 0; tries < 200 && JSON.stringify(await facts()) !== JSON.stringify(nothing); tries++) await Bun.sleep(10);
    expect(await facts()).toEqual(nothing);
  });

  test.each(['POST', 'PUT'])('a %s that drips below the least rate, or stops, is 408 and leaves nothing', async (method) => {
    const target = method === 'POST' ? `/v2/bad/blobs/uploads/?digest=${none}` : '/v2/bad/manifests/latest';
    using connection = await openRaw(portOf(server.url));
    connection.socket.write(requestText(method, target, headers('Transfer-Encoding: chunked')));
    const drip = setInterval(() => connection.socket.write('1\r\nx\r\n'), 100);
    const text = await connection.until((all) => all.includes('}]}'));
    clearInterval(drip);
    expect(text).toStartWith('HTTP/1.1 408 ');
    expect(text).toMatch(/"code":"(BLOB_UPLOAD|MANIFEST)_INVALID"/);
    expect(await facts()).toEqual(nothing);
  });

  test('a blob without end is 413 at the limit, and leaves nothing', async () => {
    using connection = await openRaw(portOf(server.url));
    connection.socket.write(requestText('POST', `/v2/bad/blobs/uploads/?digest=${none}`, headers('Transfer-Encoding: chunked')));
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    for (let at = 0; at < 17; at++) connection.socket.write(chunk);
    expect(await connection.until((text) => text.includes('}]}'))).toStartWith('HTTP/1.1 413 ');
    expect(connection.text()).toContain('"code":"SIZE_INVALID"');
    expect(await facts()).toEqual(nothing);
  });
});

describe('in an upload that exists', () => {
  let session: string;
  const other = layerDescriptor('x').digest;
  beforeAll(async () => {
    await pushImage(server.url, 'good', 'latest');
    session = await openUpload(server.url, 'good');
    await fetch(session, { method: 'PATCH', body: 'hello' });
  });

  const path = () => new URL(session).pathname;
  const chunk = (range: string, body = 'world') => () => call('PATCH', path(), { 'Content-Range': range }, body);
  const close = (query: string, headers: Record<string, string> = {}, body = '') => () => call('PUT', `${path()}${query}`, headers, body);

  describe.each<Case>([
    ['a chunk out of order', chunk('6-10'), 416, 'RANGE_INVALID', { expected: 5, received: 6 }],
    ['a chunk that overlaps', chunk('3-7'), 416, 'RANGE_INVALID', { expected: 5, received: 3 }],
    ['a Content-Range that is none', chunk('five-nine'), 416, 'RANGE_INVALID', {}],
    ['a Content-Range that ends before it begins', chunk('5-4'), 416, 'RANGE_INVALID', {}],
    ['a Content-Range beyond 2^53', chunk('5-99999999999999999'), 416, 'RANGE_INVALID', {}],
    ['a chunk of another length', chunk('5-20'), 400, 'SIZE_INVALID', { contentLength: 5, contentRange: 16 }],
    ['a PUT without a digest', close(''), 400, 'DIGEST_INVALID', {}],
    ['a PUT with a malformed digest', close('?digest=sha256:x'), 400, 'DIGEST_INVALID', { digest: 'sha256:x' }],
    ['a PUT with the wrong digest', close(`?digest=${other}`), 400, 'DIGEST_INVALID', { expected: other, actual: digestOf('hello'), size: 5 }],
    ['a PUT with a last chunk out of order', close(`?digest=${other}`, { 'Content-Range': '0-4' }, 'world'), 416, 'RANGE_INVALID', { expected: 5, received: 0 }],
    ['a PUT with a last chunk that does not fit', close(`?digest=${other}`, {}, 'world'), 400, 'DIGEST_INVALID', { actual: digestOf('helloworld'), size: 10 }],
    ['a chunk beyond the limit', () => call('PATCH', path(), {}, 'x'.repeat(2 ** 20)), 413, 'SIZE_INVALID', { maxBytes: 2 ** 20 }],
    ['another repository', () => call('GET', path().replace('/good/', '/other/')), 404, 'BLOB_UPLOAD_UNKNOWN', {}],
  ])('%s', (_, request, status, code, detail) => {
    test(`is ${status} ${code}, and the upload is as it was`, async () => {
      const before = await facts();
      const answer = await request();
      expect(await errorOf(answer)).toMatchObject({ code, detail });
      expect(answer.status).toBe(status);
      if (code === 'RANGE_INVALID') {
        expect(answer.headers.get('location')).toBe(path());
        expect(answer.headers.get('range')).toBe('0-4');
      }
      expect(await facts()).toEqual(before);
      expect((await fetch(session)).headers.get('range')).toBe('0-4');
    });
  });

  test.each([
    ['bytes=5-', 5],
    ['bytes=-0', 5],
    ['bytes=3-1', 5],
  ])('the Range %s of a blob is 416 with its size', async (range) => {
    const digest = await fetch(`${session}?digest=${digestOf('hello')}`, { method: 'PUT' }).then(() => digestOf('hello'));
    const answer = await call('GET', `/v2/good/blobs/${digest}`, { Range: range });
    expect(answer.status).toBe(416);
    expect(answer.headers.get('content-range')).toBe('bytes */5');
    expect(await errorOf(answer)).toMatchObject({ code: 'RANGE_INVALID', detail: { size: 5 } });
  });
});
