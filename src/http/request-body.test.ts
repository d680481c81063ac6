import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { asOperator, openRaw, portOf, requestText, sendRaw } from '../../test/http/raw.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';

const gib = 2 ** 30;
let server: TestProcess;

beforeAll(async () => {
  server = await startTestProcess();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Sends a body of 4 GiB, or without end, until the server hangs up. */
async function flood(method: string, target: string, chunked: boolean, headers: string[] = ['Host: localhost']) {
  using connection = await openRaw(portOf(server.url));
  const { socket } = connection;
  socket.setMaxListeners(0);
  const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${4 * gib}`;
  socket.write(asOperator(server.url, requestText(method, target, [...headers, length])));
  const bytes = Buffer.alloc(256 * 1024);
  const piece = chunked ? Buffer.concat([Buffer.from('40000\r\n'), bytes, Buffer.from('\r\n')]) : bytes;
  let sent = 0;
  while (!connection.closed() && sent < 2 * gib) {
    const room = socket.write(piece);
    sent += piece.byteLength;
    if (room) continue;
    const drained = Promise.withResolvers<void>();
    socket.once('drain', drained.resolve).once('close', drained.resolve);
    await Promise.race([drained.promise, Bun.sleep(2000)]);
  }
  return { sent, text: connection.text(), closed: connection.closed() };
}

const upload = '/v2/a/blobs/uploads/';
const local = 'localhost';

test.concurrent.each([
  ['an invalid name', 400, 'PUT', '/v2/A/manifests/x', local],
  ['an unknown path', 404, 'PUT', '/nothing', local],
  ['an unknown host', 403, 'PUT', '/v2/a/manifests/x', 'evil.example'],
  ['a method that is not served', 405, 'POST', '/v2/a/manifests/x', local],
  ['an upload that does not exist', 404, 'PATCH', `${upload}${'0'.repeat(31)}`, local],
  ['a manifest beyond 4 MiB', 413, 'PUT', '/v2/a/manifests/x', local],
])('%s (%i) ends the connection instead of swallowing the body', async (_, status, method, target, host) => {
  const floods = [false, true].map((chunked, at) => flood(method, target + at, chunked, [`Host: ${host}`]));
  for (const { sent, text, closed } of await Promise.all(floods)) {
    expect(text).toStartWith(`HTTP/1.1 ${status} `);
    expect(text).toContain('"errors":[{"code":"');
    expect(text.toLowerCase()).toContain('connection: close');
    expect(closed).toBe(true);
    // What is read all the same, and what the buffers of both ends hold.
    expect(sent).toBeLessThan(64 * 2 ** 20);
  }
});

test.each([
  ['GET', '/v2/'],
  ['GET', '/healthz'],
  ['HEAD', '/v2/a/manifests/x'],
  ['POST', upload],
])('%s %s does not read a body that it has no use for', async (method, target) => {
  for (const chunked of [false, true]) {
    const { sent, closed } = await flood(method, target, chunked);
    expect(closed).toBe(true);
    // A busy machine takes a while from the answer to the end of the connection.
    expect(sent).toBeLessThan(gib / 2);
  }
});

test('after the refusal of a small body the connection serves on', async () => {
  using connection = await openRaw(portOf(server.url));
  const small = asOperator(
    server.url,
    requestText('PUT', '/v2/A/manifests/x', ['Host: localhost', 'Content-Length: 60000']),
  );
  connection.socket.write(small + 'x'.repeat(60_000) + requestText('GET', '/healthz'));
  const text = await connection.until((all) => all.endsWith('ok\n'));
  expect(text).toStartWith('HTTP/1.1 400 ');
  expect(text).toEndWith('\r\n\r\nok\n');
  expect(text.toLowerCase()).not.toContain('connection: close');
});

test('a body that ends soon is read to its end before a refused connection is closed, so that nothing is reset', async () => {
  using connection = await openRaw(portOf(server.url));
  const { socket } = connection;
  let failed = false;
  socket.on('error', () => (failed = true));
  const size = 12 * 2 ** 20;
  socket.write(
    asOperator(server.url, requestText('PUT', '/v2/A/manifests/x', ['Host: localhost', `Content-Length: ${size}`])),
  );
  // A client that reads only when it has sent everything.
  socket.pause();
  await new Promise<void>((resolve) => socket.write(Buffer.alloc(size), () => resolve()));
  socket.resume();
  expect(await connection.until(() => false)).toContain('"code":"NAME_INVALID"');
  expect(failed).toBe(false);
});

test('a body of 140 MiB is accepted', async () => {
  const opened = await sendRaw(
    portOf(server.url),
    asOperator(server.url, requestText('POST', upload, ['Host: localhost', 'Content-Length: 0'])),
  );
  const body = new Uint8Array(140 * 2 ** 20);
  const answer = await fetch(`${server.url}${opened.headers.get('location')}`, { method: 'PATCH', body });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('range')).toBe(`0-${body.length - 1}`);
});
