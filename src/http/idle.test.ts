import { afterAll, beforeAll, expect, test } from 'bun:test';
import { countFacts } from '../../test/http/facts.ts';
import { fetch } from '../../test/http/fetch.ts';
import { asOperator, openRaw, portOf, requestText } from '../../test/http/raw.ts';
import { openUpload } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

/*
 * Time limits of connections. Bun counts idle time in steps of 4 s, so each of these lasts some seconds; they run at
 * once.
 */

let server: Awaited<ReturnType<typeof startTestApp>>;
const connect = () => openRaw(portOf(server.url));

beforeAll(async () => {
  server = await startTestApp({ settings: { idleTimeout: '4s', 'uploads.stallTimeout': '9s' } });
});
afterAll(() => server[Symbol.asyncDispose]());

/** How long until the server hangs up (ms). */
async function untilClosed(connection: Awaited<ReturnType<typeof openRaw>>): Promise<number> {
  const since = performance.now();
  await connection.until(() => false, 20_000);
  return connection.closed() ? performance.now() - since : Infinity;
}

test.concurrent('a connection on which nothing follows an answer is closed', async () => {
  using connection = await connect();
  connection.socket.write(asOperator(server.url, requestText('GET', '/v2/')));
  expect(await untilClosed(connection)).toBeLessThan(9000);
  expect(connection.text()).toStartWith('HTTP/1.1 200 ');
});

test.concurrent('headers that do not end are not waited for, however steadily they drip', async () => {
  using connection = await connect();
  connection.socket.write('GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX: ');
  const drip = setInterval(() => connection.socket.write('x'), 1000);
  expect(await untilClosed(connection)).toBeLessThan(20_000);
  clearInterval(drip);
  expect(connection.text()).toBe('');
});

test.concurrent('an upload may pause for longer than a connection may be idle; its connection is not idle for ever after', async () => {
  using connection = await connect();
  const session = new URL(await openUpload(server.url, 'paused'));
  connection.socket.write(
    `${asOperator(server.url, requestText('PATCH', session.pathname, ['Host: localhost', 'Content-Length: 10']))}hello`,
  );
  await Bun.sleep(8200);
  connection.socket.write('world');
  expect(await connection.until((text) => text.includes('\r\n\r\n'))).toStartWith('HTTP/1.1 202 ');
  expect(connection.text()).toContain('Range: 0-9\r\n');
  expect(await untilClosed(connection)).toBeLessThan(9000);
});

test.concurrent('an upload that stalls is given up with 408, and what arrived can be resumed', async () => {
  using connection = await connect();
  const session = new URL(await openUpload(server.url, 'stalled'));
  connection.socket.write(
    `${asOperator(server.url, requestText('PATCH', session.pathname, ['Host: localhost', 'Content-Length: 10']))}hello`,
  );
  const text = await connection.until((all) => all.includes('}]}'), 20_000);
  expect(text).toStartWith('HTTP/1.1 408 ');
  expect(text).toContain('"code":"BLOB_UPLOAD_INVALID"');
  expect(text).toContain('"requestId":"');
  expect(await untilClosed(connection)).toBeLessThan(1000);
  const status = await fetch(session);
  expect(status.headers.get('range')).toBe('0-4');
  const rest = await fetch(session, { method: 'PATCH', body: 'world', headers: { 'Content-Range': '5-9' } });
  expect(rest.headers.get('range')).toBe('0-9');
});

test.concurrent('a manifest that does not arrive in time is 408 and leaves nothing', async () => {
  const before = await countFacts(server.app, server.data);
  using connection = await connect();
  const headers = [
    'Host: localhost',
    'Transfer-Encoding: chunked',
    'Content-Type: application/vnd.oci.image.manifest.v1+json',
  ];
  connection.socket.write(asOperator(server.url, requestText('PUT', '/v2/slow/manifests/latest', headers)));
  // It drips, so that the connection itself is never idle.
  const drip = setInterval(() => connection.socket.write('1\r\n \r\n'), 1000);
  const text = await connection.until((all) => all.includes('}]}'), 20_000);
  clearInterval(drip);
  expect(text).toStartWith('HTTP/1.1 408 ');
  expect(text).toContain('"code":"MANIFEST_INVALID"');
  expect(await untilClosed(connection)).toBeLessThan(1000);
  const after = await countFacts(server.app, server.data);
  expect(after).toMatchObject({ repositories: before.repositories, manifests: before.manifests });
});
