import { afterAll, beforeAll, expect, test } from 'bun:test';
import { openRaw, portOf, requestText, sendRaw } from '../../test/http/raw.ts';
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
  const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${4 * gib}`;
  socket.write(requestText(method, target, [...headers, length]));
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
const refused: [what: string, status: number, method: string, target: string, headers?: string[]][] = [
  ['an invalid name', 400, 'PUT', '/v2/A/manifests/x'],
  ['an unknown path', 404, 'PUT', '/nothing'],
  ['an unknown host', 403, 'PUT', '/v2/a/manifests/x', ['Host: evil.example']],
  ['a method that is not served', 405, 'POST', '/v2/'],
  ['an upload that does not exist', 404, 'PATCH', `${upload}${'0'.repeat(32)}`],
  ['a manifest beyond 4 MiB', 413, 'PUT', '/v2/a/manifests/x'],
];

test.each(refused)('%s (%i) ends the connection instead of swallowing the body', async (_, status, method, target, headers) => {
  for (const chunked of [false, true]) {
    const { sent, text, closed } = await flood(method, target, chunked, headers);
    expect(text).toStartWith(`HTTP/1.1 ${status} `);
    expect(text).toContain('"errors":[{"code":"');
    expect(text.toLowerCase()).toContain('connection: close');
    expect(closed).toBe(true);
    // What the buffers of both ends hold.
    expect(sent).toBeLessThan(64 * 2 ** 20);
  }
});

test.each([
  ['GET', '/v2/', 200],
  ['GET', '/healthz', 200],
  ['HEAD', '/v2/a/manifests/x', 404],
  ['DELETE', '/v2/a/manifests/x', 404],
  ['POST', upload, 202],
])('%s %s answers %i without reading a body that it has no use for', async (method, target, status) => {
  for (const chunked of [false, true]) {
    const { sent, text } = await flood(method, target, chunked);
    expect(text).toStartWith(`HTTP/1.1 ${status} `);
    expect(text.toLowerCase()).toContain('connection: close');
    expect(sent).toBeLessThan(64 * 2 ** 20);
  }
});

test('after the refusal of a small body the connection serves on', async () => {
  using connection = await openRaw(portOf(server.url));
  const small = requestText('PUT', '/v2/A/manifests/x', ['Host: localhost', 'Content-Length: 60000']);
  connection.socket.write(small + 'x'.repeat(60_000) + requestText('GET', '/healthz'));
  const text = await connection.until((all) => all.endsWith('ok\n'));
  expect(text).toStartWith('HTTP/1.1 400 ');
  expect(text).toEndWith('\r\n\r\nok\n');
  expect(text.toLowerCase()).not.toContain('connection: close');
});

test('a client that sends before it reads still gets the reason of a refusal', async () => {
  for (let round = 0; round < 10; round++) {
    const curl = Bun.spawn(
      ['curl', '-s', '-m', '10', '-H', 'Expect:', '-T', '-', `${server.url}/v2/A/manifests/x`],
      { stdin: new Blob([new Uint8Array(16 * 2 ** 20)]), stdout: 'pipe', stderr: 'ignore' },
    );
    expect(await new Response(curl.stdout).text()).toContain('"code":"NAME_INVALID"');
    await curl.exited;
  }
});

test('a body of 140 MiB is accepted', async () => {
  const opened = await sendRaw(portOf(server.url), requestText('POST', upload, ['Host: localhost', 'Content-Length: 0']));
  const body = new Uint8Array(140 * 2 ** 20);
  const answer = await fetch(`${server.url}${opened.headers.get('location')}`, { method: 'PATCH', body });
  expect(answer.status).toBe(202);
  expect(answer.headers.get('range')).toBe(`0-${body.length - 1}`);
});
