import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { countFacts } from '../../test/http/facts.ts';
import { fetch } from '../../test/http/fetch.ts';
import { asOperator, openRaw, portOf, requestText } from '../../test/http/raw.ts';
import { digestOf, openUpload, pushBlob, randomBytes } from '../../test/http/registry.ts';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { startTestApp, startTestProcess } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp({ settings: { 'gc.interval': '200ms' } });
});
afterAll(() => server[Symbol.asyncDispose]());

type Bytes = Uint8Array<ArrayBuffer>;
const path = (session: string) => new URL(session).pathname;
const pull = async (name: string, digest: string) => (await fetch(`${server.url}/v2/${name}/blobs/${digest}`)).bytes();
const patch = (session: string, body: Bytes | string, range?: string) =>
  fetch(session, { method: 'PATCH', body, ...(range !== undefined && { headers: { 'Content-Range': range } }) });
const put = (session: string, digest: string, body?: Bytes | string, range?: string) =>
  fetch(`${session}?digest=${digest}`, {
    method: 'PUT',
    ...(body !== undefined && { body }),
    ...(range !== undefined && { headers: { 'Content-Range': range } }),
  });

describe('lesson 3: an interrupted or confused upload goes on', () => {
  test('a chunk out of order is 416 with Location and Range, and the session lives', async () => {
    const session = await openUpload(server.url, 'order');
    await patch(session, 'hello', '0-4');
    const answer = await patch(session, 'world', '7-11');
    expect(answer.status).toBe(416);
    expect(answer.headers.get('location')).toBe(path(session));
    expect(answer.headers.get('range')).toBe('0-4');
    const status = await fetch(session);
    expect(status.status).toBe(204);
    expect(status.headers.get('location')).toBe(path(session));
    expect(status.headers.get('range')).toBe('0-4');
    expect((await patch(session, 'world', '5-9')).headers.get('range')).toBe('0-9');
    expect((await put(session, digestOf('helloworld'))).status).toBe(201);
  });

  /** Sends half of `hello world` and hangs up; resolves once the server knows. */
  async function hangUp(session: string): Promise<void> {
    using connection = await openRaw(portOf(server.url));
    connection.socket.write(
      `${asOperator(server.url, requestText('PATCH', path(session), ['Host: localhost', 'Content-Length: 11']))}hello`,
    );
    await Bun.sleep(50);
    connection.socket.destroy();
    for (let tries = 0; tries < 400 && (await fetch(session)).headers.get('range') !== '0-4'; tries++)
      await Bun.sleep(5);
    // It may hold the session for a moment longer.
    for (let tries = 0; tries < 400 && (await patch(session, '!', '9-9')).status === 409; tries++) await Bun.sleep(5);
  }

  test('a client that was cut off asks where it was, and sends the rest', async () => {
    const session = await openUpload(server.url, 'cut');
    await hangUp(session);
    expect((await fetch(session)).headers.get('range')).toBe('0-4');
    expect((await patch(session, ' world', '5-10')).status).toBe(202);
    expect((await put(session, digestOf('hello world'))).status).toBe(201);
  });

  test('a client that was cut off may begin anew at 0; at any other time that is out of order', async () => {
    const session = await openUpload(server.url, 'restart');
    await hangUp(session);
    expect((await patch(session, 'hi', '0-1')).headers.get('range')).toBe('0-1');
    expect((await patch(session, 'hello', '0-4')).status).toBe(416);
    expect((await put(session, digestOf('hi'))).status).toBe(201);
  });
});

test('a PUT is repeated because its answer was lost: it made the blob, so that is the answer', async () => {
  for (const body of [undefined, ' world']) {
    const session = await openUpload(server.url, 'repeated');
    await patch(session, 'hello');
    const digest = digestOf(`hello${body ?? ''}`);
    for (let times = 0; times < 3; times++) {
      const answer = await put(session, digest, body);
      expect(answer.status).toBe(201);
      expect(answer.headers.get('location')).toBe(`/v2/repeated/blobs/${digest}`);
    }
    expect((await put(session, digestOf('other'))).status).toBe(404);
    // What another repository has is nobody's business.
    expect((await put(session.replace('/repeated/', '/another/'), digest)).status).toBe(404);
    expect((await patch(session, 'more')).status).toBe(404);
  }
});

test('lesson 4, lesson 5: what a 202 acknowledged survives a kill, and the rest of the upload is hashed right', async () => {
  await using facts = await freshDatabaseOptions();
  const database = facts.kind === 'postgres' ? facts.url : '';
  await using first = await startTestProcess({ database });
  const session = path(await openUpload(first.url, 'kill', '?digest-algorithm=sha512'));
  const start = randomBytes(300_000);
  const rest = randomBytes(1000);
  expect((await fetch(first.url + session, { method: 'PATCH', body: start })).status).toBe(202);
  await first.end('SIGKILL');
  await using second = await startTestProcess({ data: first.data, database });
  const status = await fetch(second.url + session);
  expect(status.headers.get('range')).toBe(`0-${start.length - 1}`);
  const digest = digestOf(new Uint8Array([...start, ...rest]), 'sha512');
  const done = await fetch(`${second.url}${session}?digest=${digest}`, { method: 'PUT', body: rest });
  expect(done.status).toBe(201);
});

test('lesson 8: cancelling is 204, and the session is gone with its bytes', async () => {
  const before = await countFacts(server.app, server.data);
  const session = await openUpload(server.url, 'cancel');
  await patch(session, 'hello');
  const cancelled = await fetch(session, { method: 'DELETE' });
  expect(cancelled.status).toBe(204);
  expect((await fetch(session)).status).toBe(404);
  expect((await fetch(session, { method: 'DELETE' })).status).toBe(404);
  expect((await patch(session, 'world')).status).toBe(404);
  expect(await countFacts(server.app, server.data)).toEqual(before);
});

test('lesson 10: fifty clients push one blob at once, all succeed, and one copy is kept', async () => {
  const before = await countFacts(server.app, server.data);
  const bytes = randomBytes(200_000);
  const names = Array.from({ length: 50 }, (_, at) => `many/${at % 5}`);
  const digests = await Promise.all(names.map((name) => pushBlob(server.url, name, bytes)));
  expect(new Set(digests).size).toBe(1);
  const { uploads, staging, blob_links, files } = await countFacts(server.app, server.data);
  expect({ uploads, staging }).toEqual({ uploads: before.uploads, staging: before.staging });
  expect(blob_links - before.blob_links).toBe(5);
  expect(files - before.files).toBe(1);
  expect(Buffer.from(await pull('many/3', digests[0]!)).equals(Buffer.from(bytes))).toBe(true);
});

test('lesson 11: what was acknowledged is there for the next request, on any connection', async () => {
  for (let round = 0; round < 20; round++) {
    const digest = await pushBlob(server.url, 'read/after/write', randomBytes(100));
    const answer = await fetch(`${server.url}/v2/read/after/write/blobs/${digest}`, {
      method: 'HEAD',
      keepalive: false,
    });
    expect(answer.status).toBe(200);
  }
});

test('lesson 13: under the path of another repository a session does not exist', async () => {
  const session = await openUpload(server.url, 'mine');
  const other = session.replace('/v2/mine/', '/v2/yours/');
  for (const [method, query] of [
    ['GET', ''],
    ['PATCH', ''],
    ['PUT', `?digest=${digestOf('')}`],
    ['DELETE', ''],
  ] as const) {
    expect((await fetch(`${other}${query}`, { method })).status).toBe(404);
  }
  expect((await fetch(session)).status).toBe(204);
});

test('two requests that write to one session: one is told to wait', async () => {
  const session = await openUpload(server.url, 'busy');
  using connection = await openRaw(portOf(server.url));
  connection.socket.write(
    `${asOperator(server.url, requestText('PATCH', path(session), ['Host: localhost', 'Content-Length: 10']))}hello`,
  );
  await Bun.sleep(50);
  const second = await patch(session, 'intruder');
  expect(second.status).toBe(409);
  expect(await second.text()).toContain('"code":"BLOB_UPLOAD_INVALID"');
  connection.socket.write('world');
  await connection.until((text) => text.includes('\r\n\r\n'));
  expect((await put(session, digestOf('helloworld'))).status).toBe(201);
});
