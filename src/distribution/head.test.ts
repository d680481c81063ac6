import { afterAll, beforeAll, expect, test } from 'bun:test';
import { asOperator, openRaw, portOf, requestText } from '../../test/http/raw.ts';
import { digestOf, type Image, openUpload, pushBlob, pushImage } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

/* HEAD answers what GET would, of whatever is there, is not there, or is refused: by a raw socket, for a client hides it. */

let server: Awaited<ReturnType<typeof startTestApp>>;
let image: Image;
let session: string;

beforeAll(async () => {
  server = await startTestApp();
  image = await pushImage(server.url, 'head', 'latest');
  await pushBlob(server.url, 'head', '');
  session = new URL(await openUpload(server.url, 'head')).pathname;
});
afterAll(() => server[Symbol.asyncDispose]());

/** Differ from request to request, or are of HEAD alone. */
const own = new Set(['date', 'x-request-id', 'x-ms-correlation-request-id', 'warning']);

/** Status, headers and body; throws unless exactly these bytes came, and the connection serves on. */
async function ask(method: string, target: string, lines: string[]) {
  using connection = await openRaw(portOf(server.url));
  connection.socket.write(asOperator(server.url, requestText(method, target, lines)));
  const first = await connection.until((text) => text.includes('\r\n\r\n'));
  const end = first.indexOf('\r\n\r\n') + 4;
  const [status = '', ...fields] = first.slice(0, end - 4).split('\r\n');
  const pairs = fields.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const headers = Object.fromEntries(pairs.filter(([name]) => !own.has(name)));
  const size = method === 'HEAD' ? 0 : Number(headers['content-length'] ?? 0);
  await connection.until((text) => text.length >= end + size);
  connection.socket.write(asOperator(server.url, requestText('GET', '/v2/_catalog?n=0')));
  const text = await connection.until((all) => all.endsWith('{"repositories":[]}'));
  expect(text.slice(end + size)).toStartWith('HTTP/1.1 200 ');
  return { status: Number(status.split(' ')[1]), headers, size };
}

const fill = (target: string) =>
  target
    .replace('{manifest}', image.digest)
    .replace('{layer}', image.layerDigest)
    .replace('{empty}', digestOf(''))
    .replace('{none}', digestOf('no such content'))
    .replace('{session}', session);

test.each<[status: number, target: string, ...headers: string[]]>([
  [200, '/v2/'],
  [200, '/v2/_catalog?n=1'],
  [200, '/v2/head/tags/list'],
  [200, '/v2/head/referrers/{manifest}?artifactType=a/b'],
  [200, '/v2/head/manifests/latest'],
  [200, '/v2/head/manifests/{manifest}'],
  [304, '/v2/head/manifests/latest', 'If-None-Match: *'],
  [200, '/v2/head/blobs/{layer}'],
  [200, '/v2/head/blobs/{empty}'],
  [304, '/v2/head/blobs/{layer}', 'If-None-Match: *'],
  [204, '{session}'],
  [404, '/v2/head/blobs/{none}'],
  [404, '/v2/head/manifests/none'],
  [404, '/v2/none/tags/list'],
  [404, '/nothing'],
  [400, '/v2/HEAD/manifests/latest'],
  [400, '/v2/head/blobs/sha256:x'],
  [400, '/v2/head/tags/list?n=x'],
  [405, '/v2/head/blobs/uploads/'],
  [403, '/v2/', 'Origin: https://evil.example'],
  [200, '/healthz'],
])('%i of %s', async (status, target, ...more) => {
  const lines = ['Host: localhost', ...more];
  const get = await ask('GET', fill(target), lines);
  const head = await ask('HEAD', fill(target), lines);
  expect(get.status).toBe(status);
  expect(head).toMatchObject({ status, headers: get.headers });
  expect(get.headers).toEqual(head.headers);
  if (status !== 204 && status !== 304) expect(head.headers['content-length']).toBe(`${get.size}`);
});
