import { afterAll, beforeAll, expect, test } from 'bun:test';
import { countFacts, nothing } from '../../test/http/facts.ts';
import { fetch } from '../../test/http/fetch.ts';
import { asOperator, openRaw, portOf, requestText, sendRaw } from '../../test/http/raw.ts';
import { digestOf, ociManifest, openUpload } from '../../test/http/registry.ts';
import type { TestApp } from '../../test/http/refusals.ts';
import { startTestApp } from '../../test/support/server.ts';

/* Bodies that are not what their headers say, that do not end, or do not come. None of them leaves anything. */

let server: TestApp;
const logged: string[] = [];
beforeAll(async () => {
  const settings = { 'uploads.maxBlobSize': '1MiB', 'uploads.stallTimeout': '1s', 'log.level': 'info' };
  server = await startTestApp({ settings, log: (line) => void logged.push(line) });
});
afterAll(() => server[Symbol.asyncDispose]());

const none = digestOf('no such content');
const facts = () => countFacts(server.app, server.data);

const headers = (...more: string[]) => ['Host: localhost', `Content-Type: ${ociManifest}`, ...more];
const send = (method: string, target: string, lines: string[], body: string) =>
  sendRaw(portOf(server.url), asOperator(server.url, requestText(method, target, lines)) + body);

test('a manifest that says it is larger than 4 MiB is 413 before it is read', async () => {
  const answer = await send('PUT', '/v2/bad/manifests/latest', headers(`Content-Length: ${4 * 2 ** 20 + 1}`), '');
  expect(answer.status).toBe(413);
  expect(answer.body).toContain('"code":"SIZE_INVALID"');
});

test('a chunked manifest is counted as it comes, and 413 beyond 4 MiB', async () => {
  using connection = await openRaw(portOf(server.url));
  connection.socket.write(
    asOperator(server.url, requestText('PUT', '/v2/bad/manifests/latest', headers('Transfer-Encoding: chunked'))),
  );
  const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`;
  // One chunk over the limit, and no end.
  for (let at = 0; at < 65; at++) connection.socket.write(chunk);
  expect(await connection.until((text) => text.includes('}]}'))).toStartWith('HTTP/1.1 413 ');
  expect(connection.text()).toContain('"code":"SIZE_INVALID"');
});

test('a body that is shorter than it says, from a client that hangs up, leaves nothing of a blob or a manifest', async () => {
  const targets = [
    ['PUT', '/v2/bad/manifests/latest'],
    ['POST', `/v2/bad/blobs/uploads/?digest=${none}`],
  ] as const;
  logged.length = 0;
  for (const [method, target] of targets) {
    using connection = await openRaw(portOf(server.url));
    connection.socket.write(
      `${asOperator(server.url, requestText(method, target, headers('Content-Length: 1000')))}half`,
    );
    await Bun.sleep(50);
    connection.socket.destroy();
  }
  // What a slow store makes for a request is made and taken away before the request is over.
  const ended = () => logged.filter((line) => line.includes('the body ended early')).length;
  for (let tries = 0; tries < 500 && ended() < targets.length; tries++) await Bun.sleep(10);
  expect(ended()).toBe(targets.length);
  expect(await facts()).toEqual(nothing);
});

test('a body that is longer than it says leaves nothing', async () => {
  const target = `/v2/bad/blobs/uploads/?digest=${digestOf('hello world')}`;
  const answer = await send('POST', target, headers('Content-Length: 5'), 'hello world');
  expect(answer.status).not.toBe(201);
  expect(answer.closed).toBe(true);
  for (let tries = 0; tries < 200 && JSON.stringify(await facts()) !== JSON.stringify(nothing); tries++)
    await Bun.sleep(10);
  expect(await facts()).toEqual(nothing);
});

test.each(['POST', 'PUT'])(
  'a %s that drips below the least rate, or stops, is 408 and leaves nothing',
  async (method) => {
    const target = method === 'POST' ? `/v2/bad/blobs/uploads/?digest=${none}` : '/v2/bad/manifests/latest';
    using connection = await openRaw(portOf(server.url));
    connection.socket.write(asOperator(server.url, requestText(method, target, headers('Transfer-Encoding: chunked'))));
    const drip = setInterval(() => connection.socket.write('1\r\nx\r\n'), 100);
    const text = await connection.until((all) => all.includes('}]}'));
    clearInterval(drip);
    expect(text).toStartWith('HTTP/1.1 408 ');
    expect(text).toMatch(/"code":"(BLOB_UPLOAD|MANIFEST)_INVALID"/);
    expect(await facts()).toEqual(nothing);
  },
);

test.each([
  ['POST', 'Content-Length: 12582912'],
  ['PATCH', 'Content-Length: 12582912'],
  ['PATCH', 'Transfer-Encoding: chunked'],
  ['PUT', 'Transfer-Encoding: chunked'],
])('a client whose %s is refused half-way (%s) can send the rest, and then reads why', async (method, framing) => {
  const session = new URL(await openUpload(server.url, 'bad')).pathname;
  const target = method === 'POST' ? `/v2/bad/blobs/uploads/?digest=${none}` : `${session}?digest=${none}`;
  using connection = await openRaw(portOf(server.url));
  const { socket } = connection;
  let failed = false;
  socket.on('error', () => (failed = true));
  const bytes = Buffer.alloc(12 * 2 ** 20);
  // Most clients read only when they have sent everything, and see a broken pipe where they cannot.
  socket.pause();
  socket.write(asOperator(server.url, requestText(method, target, headers(framing))));
  const [before, after] = framing.startsWith('T') ? [`${bytes.length.toString(16)}\r\n`, '\r\n0\r\n\r\n'] : ['', ''];
  socket.write(before);
  socket.write(bytes);
  await new Promise<void>((resolve) => socket.write(after, () => resolve()));
  socket.resume();
  expect(await connection.until(() => false)).toStartWith('HTTP/1.1 413 ');
  expect(connection.text()).toContain('"code":"SIZE_INVALID"');
  expect(failed).toBe(false);
  expect((await fetch(`${server.url}${session}`, { method: 'DELETE' })).status).toBe(204);
  expect(await facts()).toEqual(nothing);
});

test('a blob without end is 413 at the limit, and leaves nothing', async () => {
  using connection = await openRaw(portOf(server.url));
  connection.socket.write(
    asOperator(
      server.url,
      requestText('POST', `/v2/bad/blobs/uploads/?digest=${none}`, headers('Transfer-Encoding: chunked')),
    ),
  );
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
  for (let at = 0; at < 17; at++) connection.socket.write(chunk);
  expect(await connection.until((text) => text.includes('}]}'))).toStartWith('HTTP/1.1 413 ');
  expect(connection.text()).toContain('"code":"SIZE_INVALID"');
  expect(await facts()).toEqual(nothing);
});
