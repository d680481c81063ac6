import { afterAll, beforeAll, expect, test } from 'bun:test';
import { asOperator, portOf, requestText, sendRaw } from '../../test/http/raw.ts';
import { startTestApp, type TestServer } from '../../test/support/server.ts';

let server: TestServer;
const send = (request: string) => sendRaw(portOf(server.url), asOperator(server.url, request));
const codeOf = (body: string) => (JSON.parse(body) as { errors: { code: string }[] }).errors[0]!.code;

beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

test.each([
  ['two Hosts', ['Host: localhost', 'Host: localhost']],
  ['two different Hosts', ['Host: localhost', 'Host: evil.example']],
  ['an empty Host', ['Host:']],
  ['a Host with a path', ['Host: localhost/v2']],
  ['a Host with a user', ['Host: evil@localhost']],
  ['a Host with a port that is none', ['Host: localhost:99999']],
  ['a list of Hosts', ['Host: localhost, evil.example']],
])('%s is 400, whatever the path', async (_, headers) => {
  for (const target of ['/v2/', '/v2/../v2/_catalog', '/metrics', '/nothing']) {
    const answer = await send(requestText('GET', target, headers));
    expect(answer.status).toBe(400);
    expect(codeOf(answer.body)).toBe('BAD_REQUEST');
  }
});

test('HTTP/1.0 without a Host is 400, but probes are answered: balancers send such requests', async () => {
  expect((await send('GET /v2/ HTTP/1.0\r\n\r\n')).status).toBe(400);
  expect((await send('GET /healthz HTTP/1.0\r\n\r\n')).status).toBe(200);
  expect((await send('GET /readyz HTTP/1.0\r\n\r\n')).status).toBe(200);
});

test('the authority of an absolute target counts for nothing, Host does', async () => {
  expect((await send(requestText('GET', 'http://evil.example/v2/'))).status).toBe(200);
  const other = await send(requestText('GET', 'http://localhost/v2/', ['Host: evil.example']));
  expect(other.status).toBe(403);
});

test.each([
  // Bun normalises these, so they leave /v2/ before they are matched.
  ['/v2/../../etc/passwd', 404, 'NOT_FOUND'],
  ['/v2/%2e%2e/%2E%2e/etc/passwd', 404, 'NOT_FOUND'],
  ['/v2\\..\\etc', 404, 'NOT_FOUND'],
  ['/v2/./a/../_catalog', 200, undefined],
  // And these not.
  ['//v2//a/manifests/x', 404, 'NOT_FOUND'],
  ['/v2//a/manifests/x', 400, 'NAME_INVALID'],
  // Azure's clients write the slashes of a name so.
  ['/v2/a%2Fb/manifests/x', 404, 'NAME_UNKNOWN'],
  ['/v2/a%252Fb/manifests/x', 400, 'NAME_INVALID'],
  ['/v2/..%2f..%2fbonded.db/manifests/x', 400, 'NAME_INVALID'],
  ['/v2/a%00/manifests/x', 400, 'NAME_INVALID'],
  ['/v2/a%2e%2e%2f/manifests/x', 400, 'NAME_INVALID'],
  ['/v2/\xe9/manifests/x', 400, 'NAME_INVALID'],
  ['/v2/a/manifests/x%00', 400, 'TAG_INVALID'],
  ['/v2/a/manifests/x#y', 400, 'TAG_INVALID'],
  ['/v2/a/blobs/..%2f..%2fbonded.db', 400, 'DIGEST_INVALID'],
  ['/v2/a/blobs/uploads/..%2f..%2fbonded.db', 404, 'BLOB_UPLOAD_UNKNOWN'],
  [`/v2/${'a'.repeat(300)}/manifests/x`, 400, 'NAME_INVALID'],
  [`/v2/${'a/'.repeat(4096)}manifests/x`, 400, 'NAME_INVALID'],
  ['/nothing', 404, 'NOT_FOUND'],
  ['/v2/nothing', 404, 'NOT_FOUND'],
  ['/v1/', 404, 'NOT_FOUND'],
  ['/', 404, 'NOT_FOUND'],
] as const)('lesson 57: the path %s is %i %s', async (target, status, code) => {
  const answer = await send(requestText('GET', target));
  expect(answer.status).toBe(status);
  if (code) expect(codeOf(answer.body)).toBe(code);
});

test.each(['TRACE', 'OPTIONS', 'PROPFIND', 'PURGE'])('the method %s is 405 with Allow', async (method) => {
  const answer = await send(requestText(method, '/v2/'));
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe('GET, HEAD, POST, PUT, PATCH, DELETE');
  expect(codeOf(answer.body)).toBe('UNSUPPORTED');
});

test('CONNECT is 405, whatever it names', async () => {
  for (const target of ['localhost:80', 'evil.example:443', '/v2/']) {
    expect((await send(requestText('CONNECT', target))).status).toBe(405);
  }
});

test.each([
  ['POST', '/v2/', 'GET, HEAD'],
  ['PUT', '/v2/_catalog', 'GET, HEAD'],
  ['DELETE', '/v2/a/tags/list', 'GET, HEAD'],
  ['POST', '/v2/a/manifests/b', 'GET, HEAD, PUT, DELETE'],
  ['PUT', `/v2/a/blobs/sha256:${'0'.repeat(64)}`, 'GET, HEAD, DELETE'],
  ['GET', '/v2/a/blobs/uploads/', 'POST'],
  ['POST', '/v2/a/blobs/uploads/0', 'GET, HEAD, PATCH, PUT, DELETE'],
  ['POST', '/healthz', 'GET, HEAD'],
  ['DELETE', '/metrics', 'GET, HEAD'],
])('%s %s is 405 and Allow names what is served', async (method, target, allow) => {
  const answer = await send(requestText(method, target));
  expect(answer.status).toBe(405);
  expect(answer.headers.get('allow')).toBe(allow);
});

test('what a client sends in Forwarded headers appears in no answer', async () => {
  const headers = [
    'Host: localhost',
    'X-Forwarded-Host: evil.example',
    'X-Forwarded-Proto: https',
    'Forwarded: host=evil.example',
  ];
  const answer = await send(requestText('POST', '/v2/a/blobs/uploads/', [...headers, 'Content-Length: 0']));
  expect(answer.status).toBe(202);
  expect(answer.headers.get('location')).toStartWith('/v2/a/blobs/uploads/');
  expect(answer.text).not.toContain('evil');
});
