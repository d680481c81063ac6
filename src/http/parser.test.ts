import { afterAll, beforeAll, expect, test } from 'bun:test';
import { asOperator, openRaw, portOf, requestText, sendRaw } from '../../test/http/raw.ts';
import { digestOf, pushBlob, randomBytes } from '../../test/http/registry.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';

/*
 * What Bun's parser refuses before any of our code runs, so without an OCI body: ARCHITECTURE.md has the list. Should a
 * Bun of tomorrow answer otherwise, this is where it shows. By `bin/bonded`, which sets the limit on headers.
 */

let server: TestProcess;
const send = (request: string) => sendRaw(portOf(server.url), request);
const ask = (request: string) => send(asOperator(server.url, request));
const manifest = (...headers: string[]) => requestText('PUT', '/v2/a/manifests/b', ['Host: localhost', ...headers]);
const body = (...headers: string[]) => requestText('POST', '/v2/a/blobs/uploads/', ['Host: localhost', ...headers]);

beforeAll(async () => {
  server = await startTestProcess();
});
afterAll(() => server[Symbol.asyncDispose]());

const refused: [what: string, status: number, request: string][] = [
  ['what is no HTTP', 400, 'HELO localhost\r\n\r\n'],
  ['TLS on a plain port', 400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['the preface of HTTP/2', 400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/0.9', 505, 'GET /v2/\r\n\r\n'],
  ['an unknown version', 505, 'GET /v2/ HTTP/1.2\r\nHost: localhost\r\n\r\n'],
  ['no Host in HTTP/1.1', 400, 'GET /v2/ HTTP/1.1\r\n\r\n'],
  ['an empty line before the request', 400, `\r\n${requestText('GET', '/v2/')}`],
  ['two spaces before the target', 400, requestText('GET', ' /v2/')],
  ['a target that is no path', 400, requestText('GET', 'v2/')],
  ['OPTIONS *', 400, requestText('OPTIONS', '*')],
  ['a NUL in the target', 505, requestText('GET', '/v2/a\0b/manifests/x')],
  ['a space in the target', 505, requestText('GET', '/v2/ a')],
  ['a header without a colon', 400, requestText('GET', '/v2/', ['Host: localhost', 'nothing'])],
  ['a header without a name', 400, requestText('GET', '/v2/', ['Host: localhost', ': nothing'])],
  ['a NUL in a header', 400, requestText('GET', '/v2/', ['Host: localhost', 'X: a\0b'])],
  ['a folded header', 400, requestText('GET', '/v2/', ['Host: localhost', 'X: a\r\n b'])],
  ['lines that end with LF', 505, 'GET /v2/ HTTP/1.1\nHost: localhost\n\n'],
  ['a LF in a header', 400, requestText('GET', '/v2/', ['X: a\nY: b', 'Host: localhost'])],
  ['a CR in a header', 400, requestText('GET', '/v2/', ['X: a\rb', 'Host: localhost'])],
  ['Content-Length and Transfer-Encoding', 400, `${body('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
  ['two different Content-Lengths', 400, `${body('Content-Length: 5', 'Content-Length: 6')}hello`],
  ['a list of Content-Lengths', 400, `${body('Content-Length: 5, 5')}hello`],
  ['a signed Content-Length', 400, `${body('Content-Length: +5')}hello`],
  ['a negative Content-Length', 400, `${body('Content-Length: -5')}hello`],
  ['a hexadecimal Content-Length', 400, `${body('Content-Length: 0x5')}hello`],
  ['a Content-Length beyond 64 bits', 400, `${body('Content-Length: 99999999999999999999')}hello`],
  ['Transfer-Encoding: chunked, identity', 400, `${body('Transfer-Encoding: chunked, identity')}0\r\n\r\n`],
  ['Transfer-Encoding: identity', 400, `${body('Transfer-Encoding: identity')}0\r\n\r\n`],
  ['Transfer-Encoding: gzip, chunked', 400, `${body('Transfer-Encoding: gzip, chunked')}0\r\n\r\n`],
  ['two Transfer-Encodings', 400, `${body('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}0\r\n\r\n`],
  ['a space before the colon', 400, `${body('Transfer-Encoding : chunked')}0\r\n\r\n`],
  ['Transfer-Encoding in HTTP/1.0', 400, `${body('Transfer-Encoding: chunked').replace('1.1', '1.0')}0\r\n\r\n`],
  ['a chunk size that is no number', 400, `${manifest('Transfer-Encoding: chunked')}zz\r\nhello\r\n0\r\n\r\n`],
  ['a chunk size beyond 64 bits', 400, `${manifest('Transfer-Encoding: chunked')}fffffffffffffffff\r\n`],
  ['chunks that end with LF', 400, `${manifest('Transfer-Encoding: chunked')}5\nhello\n0\n\n`],
  ['a chunk longer than it says', 400, `${manifest('Transfer-Encoding: chunked')}5\r\nhello!!0\r\n\r\n`],
  ['a header of 66 KiB', 431, requestText('GET', '/v2/', ['Host: localhost', `X: ${'a'.repeat(66 * 1024)}`])],
  ['a target of 70 KiB', 431, requestText('GET', `/v2/${'a'.repeat(70 * 1024)}`)],
  [
    '250 headers',
    431,
    requestText('GET', '/v2/', ['Host: localhost', ...Array.from({ length: 250 }, (_, i) => `X-${i}: a`)]),
  ],
];

test.each(refused)(
  'the parser refuses %s with %i, no body, and the end of the connection',
  async (_, status, request) => {
    // Of these it has passed the head on before it sees what is wrong.
    const answer = await (request.startsWith('PUT ') ? ask : send)(request);
    expect(answer).toMatchObject({ status, body: '', closed: true });
  },
);

test.each(['BREW', 'get', 'GETT'])(
  'the parser ends a connection that sends the method %s, without an answer',
  async (method) => {
    expect(await send(requestText(method, '/v2/'))).toMatchObject({ text: '', closed: true });
  },
);

test('equal Content-Lengths pass the parser, and are refused by us', async () => {
  const answer = await ask(`${body('Content-Length: 5', 'Content-Length: 5')}hello`);
  expect(answer).toMatchObject({ status: 400, closed: true });
  expect(answer.body).toContain('"code":"BAD_REQUEST"');
});

test('a request that a body hides is not answered', async () => {
  const hidden = requestText('GET', '/v2/_catalog');
  const answer = await ask(`${body(`Content-Length: ${hidden.length}`)}${hidden}`);
  expect(answer.status).toBe(202);
  expect(answer.text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
});

test('a request that comes while an answer waits for the disk ends the connection without an answer', async () => {
  const push = requestText('POST', `/v2/a/blobs/uploads/?digest=${digestOf('hello')}`, [
    'Host: localhost',
    'Content-Length: 5',
  ]);
  expect(await ask(`${push}hello${requestText('GET', '/v2/')}`)).toMatchObject({ text: '', closed: true });
});

test('a request that comes while a large blob is being sent ends the connection, and with it the blob', async () => {
  const size = 32 * 2 ** 20;
  const digest = await pushBlob(server.url, 'pipelined', randomBytes(size));
  const get = asOperator(server.url, requestText('GET', `/v2/pipelined/blobs/${digest}`));
  using connection = await openRaw(portOf(server.url));
  const { socket } = connection;
  // Not read for a moment, so that the blob is still on its way when the second request arrives.
  socket.once('data', () => socket.pause().write(get, () => setTimeout(() => socket.resume(), 50)));
  socket.write(get);
  const text = await connection.until(() => false);
  expect(connection.closed()).toBe(true);
  expect(text).toStartWith('HTTP/1.1 200');
  expect(text.toLowerCase()).toContain(`\r\ncontent-length: ${size}\r\n`);
  expect(text.length).toBeLessThan(size);
});

test('a chunked body may have extensions, but no trailers: they end the connection, with the answer or before it', async () => {
  expect((await ask(`${body('Transfer-Encoding: CHUNKED')}0;a=b\r\n\r\n`)).status).toBe(202);
  const trailers = await ask(`${body('Transfer-Encoding: chunked')}0\r\nX-Trailer: a\r\n\r\n`);
  expect([202, 400]).toContain(trailers.status);
  expect(trailers).toMatchObject({ closed: true });
});

test('headers of 60 KiB, or 150 of them, are accepted', async () => {
  expect((await ask(requestText('GET', '/v2/', ['Host: localhost', `X: ${'a'.repeat(60 * 1024)}`]))).status).toBe(200);
  const many = Array.from({ length: 150 }, (_, at) => `X-${at}: a`);
  expect((await ask(requestText('GET', '/v2/', ['Host: localhost', ...many]))).status).toBe(200);
});

test('an upgrade is not followed', async () => {
  const h2c = [
    'Host: localhost',
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAAP__',
  ];
  expect((await ask(requestText('GET', '/v2/', h2c))).status).toBe(200);
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
  const socket = ['Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket', key, 'Sec-WebSocket-Version: 13'];
  expect((await ask(requestText('GET', '/v2/', socket))).status).toBe(200);
});

test('HTTP/1.0 is answered and the connection closed', async () => {
  const answer = await ask('GET /v2/ HTTP/1.0\r\nHost: localhost\r\n\r\n');
  expect(answer).toMatchObject({ status: 200, body: '{}', closed: true });
});

test('100 Continue comes before the body is sent, and before the answer', async () => {
  const answer = await ask(`${body('Expect: 100-continue', 'Content-Length: 5')}hello`);
  expect(answer.text).toStartWith('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 ');
});
