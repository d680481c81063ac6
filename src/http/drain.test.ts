import { expect, test } from 'bun:test';
import { connect } from 'node:net';
import { fetch } from '../../test/http/fetch.ts';
import { asOperator, openRaw, portOf, requestText } from '../../test/http/raw.ts';
import { openUpload, pushBlob, randomBytes } from '../../test/http/registry.ts';
import { startTestProcess } from '../../test/support/server.ts';

const statusOf = (url: string) => fetch(url, { headers: { Connection: 'close' } }).then((answer) => answer.status);

async function refusesConnections(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
  const refused = await promise;
  socket.destroy();
  return refused;
}

/** Resolves once the server has read the first bytes of an upload. */
async function untilUploading({ url }: { url: string }): Promise<void> {
  const metrics = () => fetch(`${url}/metrics`, { headers: { Connection: 'close' } }).then((answer) => answer.text());
  while (!(await metrics()).includes('bonded_uploads_active 1\n')) await Bun.sleep(10);
}

test('SIGTERM: what is in flight finishes, readyz says 503, then nothing new is accepted, and the exit code is 0', async () => {
  await using server = await startTestProcess({ settings: { 'drain.delay': '2s', 'drain.timeout': '20s' } });
  const port = portOf(server.url);
  const blob = randomBytes(32 * 2 ** 20);
  const digest = await pushBlob(server.url, 'drain', blob);
  const session = new URL(await openUpload(server.url, 'drain'));

  using download = await openRaw(port);
  download.socket.pause();
  download.socket.write(asOperator(server.url, requestText('GET', `/v2/drain/blobs/${digest}`)));
  using upload = await openRaw(port);
  upload.socket.write(
    `${asOperator(server.url, requestText('PATCH', session.pathname, ['Host: localhost', 'Content-Length: 10']))}hello`,
  );
  using idle = await openRaw(port);
  idle.socket.write(asOperator(server.url, requestText('GET', '/v2/')));
  await idle.until((text) => text.endsWith('{}'));
  await untilUploading(server);
  // The buffers of the download are full.
  await Bun.sleep(300);

  const ended = server.end('SIGTERM');
  while ((await statusOf(`${server.url}/readyz`)) !== 503) await Bun.sleep(10);
  expect(await statusOf(`${server.url}/healthz`)).toBe(200);
  const during = await fetch(`${server.url}/v2/`);
  expect(during.headers.get('connection')).toBe('close');

  while (!(await refusesConnections(port))) await Bun.sleep(20);
  await Bun.sleep(500);
  expect(server.process.exitCode).toBeNull();
  upload.socket.write('world');
  expect(await upload.until((text) => text.includes('\r\n\r\n'))).toStartWith('HTTP/1.1 202 ');
  download.socket.resume();
  const text = await download.until(() => false, 20_000);
  expect(Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1').equals(blob)).toBe(true);
  expect(await ended).toBe(0);
  expect(server.output()).toContain('"cut":0');
});

test('what does not finish within drain.timeout is cut, and the log says how much', async () => {
  await using server = await startTestProcess({ settings: { 'drain.timeout': '500ms' } });
  const session = new URL(await openUpload(server.url, 'drain'));
  using upload = await openRaw(portOf(server.url));
  upload.socket.write(
    `${asOperator(server.url, requestText('PATCH', session.pathname, ['Host: localhost', 'Content-Length: 10']))}hello`,
  );
  await untilUploading(server);
  expect(await server.end('SIGTERM')).toBe(0);
  expect(server.output()).toContain('"cut":1');
});

test('a second signal, unless it is an echo of the first, ends the process at once', async () => {
  await using server = await startTestProcess({ settings: { 'drain.delay': '60s' } });
  expect(await statusOf(`${server.url}/readyz`)).toBe(200);
  const ended = server.end('SIGTERM');
  while ((await statusOf(`${server.url}/readyz`)) !== 503) await Bun.sleep(10);
  await Bun.sleep(1100);
  server.process.kill('SIGTERM');
  expect(await ended).toBe(143);
});
