import { expect, test } from 'bun:test';
import { rename } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fetch } from '../http/fetch.ts';
import { asOperator, portOf, requestText } from '../http/raw.ts';
import { digestOf, errorOf, openUpload, pushBlob, randomBytes } from '../http/registry.ts';
import { startS3 } from '../support/s3.ts';
import { type Fault, type S3Request, startS3Faults } from '../support/s3-faults.ts';
import { s3Settings } from '../support/storage.ts';
import { startTestApp } from '../support/server.ts';

/** A registry whose requests to S3 meet what `decide` says. */
async function startOnS3(
  decide: (seen: S3Request) => Fault | undefined = () => undefined,
  more: Record<string, string | number | boolean> = {},
) {
  await using stack = new AsyncDisposableStack();
  const s3 = await startS3();
  const proxy = stack.use(await startS3Faults(s3.endpoint, decide));
  const settings: typeof more = { ...(await s3Settings(proxy.endpoint)), 'storage.s3.requestTimeout': '1s', ...more };
  const server = stack.use(await startTestApp({ settings }));
  const owned = stack.move();
  return {
    server,
    proxy,
    bucket: join(s3.home, String(settings['storage.s3.bucket'])),
    blob: (digest: string) => `${server.url}/v2/app/blobs/${digest}`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function eventually(condition: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const until = Date.now() + withinMs;
  while (!(await condition())) {
    if (Date.now() > until) throw new Error(`not within ${withinMs} ms`);
    await Bun.sleep(10);
  }
}

const large = randomBytes(6 * 1024 * 1024);

test('a small blob has a Content-Length, a large one is chunked; ranges of both, and HEAD', async () => {
  await using on = await startOnS3();
  for (const bytes of [randomBytes(1000), large]) {
    const digest = await pushBlob(on.server.url, 'app', bytes);
    const whole = await fetch(on.blob(digest));
    expect(whole.headers.get('content-length')).toBe(bytes === large ? null : '1000');
    expect(Buffer.from(await whole.bytes()).equals(bytes)).toBe(true);
    const head = await fetch(on.blob(digest), { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(bytes.length));
    const part = await fetch(on.blob(digest), { headers: { Range: 'bytes=100-299' } });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-299/${bytes.length}`]);
    expect(Buffer.from(await part.bytes())).toEqual(Buffer.from(bytes.subarray(100, 300)));
    // What the parser ignores stays ignored.
    const ignored = await fetch(on.blob(digest), { headers: { Range: 'lines=1-2' } });
    expect([ignored.status, (await ignored.bytes()).length]).toEqual([200, bytes.length]);
  }
});

test('a body that S3 breaks off is taken up where it broke', async () => {
  let broken = 0;
  await using on = await startOnS3(({ operation }) =>
    operation === 'GetObject' && broken < 6 && broken++ % 3 !== 2 ? 'truncate' : undefined,
  );
  const digest = await pushBlob(on.server.url, 'app', large);
  for (let reads = 0; reads < 2; reads++)
    expect(Buffer.from(await (await fetch(on.blob(digest))).bytes()).equals(large)).toBe(true);
  expect(broken).toBe(6);
});

test('a body that S3 breaks off again and again breaks for the client, too', async () => {
  let broken: Fault | undefined;
  await using on = await startOnS3(({ operation }) => {
    const fault = operation === 'GetObject' ? broken : undefined;
    if (fault) broken = 'reset';
    return fault;
  });
  const digest = await pushBlob(on.server.url, 'app', large);
  broken = 'truncate';
  const answer = await fetch(on.blob(digest));
  expect(answer.status).toBe(200);
  await expect(answer.bytes()).rejects.toThrow();
});

test('what S3 refuses is refused cleanly, and goes on when S3 is back', async () => {
  let away: Fault | undefined;
  await using on = await startOnS3(() => away);
  const digest = await pushBlob(on.server.url, 'app', large);
  const session = await openUpload(on.server.url, 'app');
  for (const fault of ['slow-down', 'reset'] as const) {
    away = fault;
    const answers = await Promise.all([
      fetch(on.blob(digest)),
      fetch(session, { method: 'PATCH', body: 'chunk' }),
      fetch(`${on.server.url}/v2/app/blobs/uploads/?digest=${digestOf('x')}`, { method: 'POST', body: 'x' }),
    ]);
    for (const answer of answers) {
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
      expect((await errorOf(answer)).code).toBe('UNAVAILABLE');
    }
    expect((await fetch(`${on.server.url}/readyz`)).status).toBe(503);
  }
  away = undefined;
  expect((await fetch(session, { method: 'PATCH', body: 'chunk' })).status).toBe(202);
  expect((await fetch(`${session}?digest=${digestOf('chunk')}`, { method: 'PUT' })).status).toBe(201);
  expect((await (await fetch(on.blob(digest))).bytes()).length).toBe(large.length);
});

test('a blob whose object is missing is 404 on GET, and is forgotten, so that a push heals it', async () => {
  await using on = await startOnS3();
  for (const bytes of [randomBytes(1000), large]) {
    const digest = await pushBlob(on.server.url, 'app', bytes);
    const row = await on.server.app.storage.db.first<{ key: string }>(
      'SELECT "key" FROM blobs WHERE digest = ? AND deleting = 0',
      [digest],
    );
    const object = join(on.bucket, 'blobs', row!.key.split('.')[0]!);
    await rename(object, `${object}.away`);
    const answer = await fetch(on.blob(digest));
    expect([answer.status, (await errorOf(answer)).code]).toEqual([404, 'BLOB_UNKNOWN']);
    await eventually(async () => (await fetch(on.blob(digest), { method: 'HEAD' })).status === 404);
    await pushBlob(on.server.url, 'app', bytes);
    expect((await (await fetch(on.blob(digest))).bytes()).length).toBe(bytes.length);
  }
});

test('a bucket that is gone costs no facts: nothing is forgotten, and it is not ready until it is back', async () => {
  await using on = await startOnS3();
  const digest = await pushBlob(on.server.url, 'app', 'kept');
  await rename(on.bucket, `${on.bucket}-away`);
  expect((await fetch(on.blob(digest))).status).toBe(503);
  expect((await fetch(`${on.server.url}/readyz`)).status).toBe(503);
  await rename(`${on.bucket}-away`, on.bucket);
  expect((await fetch(`${on.server.url}/readyz`)).status).toBe(200);
  expect(await (await fetch(on.blob(digest))).text()).toBe('kept');
});

/** A client that asks for a blob and takes nothing of the answer until it is told to. */
function stalledClient(url: string, path: string): Socket {
  const socket = connect(portOf(url), '127.0.0.1');
  socket.on('error', () => {});
  socket.pause();
  socket.write(asOperator(url, requestText('GET', path, ['Host: localhost', 'Connection: close'])));
  return socket;
}

async function bytesUntilClose(socket: Socket): Promise<number> {
  let bytes = 0;
  socket.on('data', (chunk) => void (bytes += chunk.length));
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  return bytes;
}

test('twenty clients that stop reading hold no connection to S3 and little memory; those who go on get everything', async () => {
  await using on = await startOnS3();
  const bytes = randomBytes(24 * 1024 * 1024);
  const digest = await pushBlob(on.server.url, 'app', bytes);
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  const clients = Array.from({ length: 20 }, () => stalledClient(on.server.url, `/v2/app/blobs/${digest}`));
  const reads = () => on.proxy.requests.filter(({ operation }) => operation === 'GetObject').length;
  await eventually(() => reads() >= 20);
  // Whoever takes nothing for some seconds gives the connection back.
  await eventually(() => on.proxy.open() === 0);
  Bun.gc(true);
  // The proxy and the clients are in this process, too.
  expect(process.memoryUsage().rss - before).toBeLessThan(120 * 1024 * 1024);
  for (const gone of clients.slice(5)) gone.destroy();
  for (const client of clients.slice(0, 5)) expect(await bytesUntilClose(client)).toBeGreaterThan(bytes.length);
  expect(on.proxy.open()).toBe(0);
});

test('the connection to S3 ends with the client’s', async () => {
  await using on = await startOnS3();
  const digest = await pushBlob(on.server.url, 'app', randomBytes(24 * 1024 * 1024));
  const times: number[] = [];
  // On a busy machine one of them may be late.
  for (let tries = 0; tries < 3; tries++) {
    const client = stalledClient(on.server.url, `/v2/app/blobs/${digest}`);
    await eventually(() => on.proxy.open() > 0);
    const since = performance.now();
    client.destroy();
    await eventually(() => on.proxy.open() === 0);
    times.push(performance.now() - since);
  }
  // One that merely stops reading keeps it for two seconds.
  expect(Math.min(...times)).toBeLessThan(1000);
});
