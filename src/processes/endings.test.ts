import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { inDirectory } from '../../test/support/command.ts';
import { asOperator, openRaw, portOf, requestText } from '../../test/http/raw.ts';
import { openUpload, pushBlob, pushImage, putManifest, randomBytes } from '../../test/http/registry.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { isAlive, until, workersOf } from '../../test/support/worker-processes.ts';
import { connectToWorkers, type WorkerConnection } from '../../test/http/worker-connections.ts';

const settings = { processes: 2 };

test('clients of one worker do not notice the death of another, nor does a counter go back', async () => {
  await using server = await startTestProcess({ settings });
  const port = portOf(server.url);
  const connections = await connectToWorkers(port, 2);
  const count = async (): Promise<number> => {
    const [{ send }] = (await connectToWorkers(port, 1)) as [WorkerConnection];
    const text = (await send('GET', '/metrics', { headers: { Connection: 'close' } })).body;
    return Number(/^bonded_http_requests_total\{method="GET",route="base",status="200"\} (\d+)$/m.exec(text)?.[1]);
  };
  for (const { send } of connections) for (let n = 0; n < 50; n++) await send('GET', '/v2/');
  expect(await count()).toBe(100);
  const killed = (await workersOf(server))[0]!;
  process.kill(killed, 'SIGKILL');
  await until(async () => !(await isAlive(killed)));
  const alive: number[] = [];
  for (const [at, { send }] of connections.entries()) {
    await send('GET', '/v2/').then(
      () => alive.push(at),
      () => {},
    );
  }
  expect(alive).toHaveLength(1);
  const survivor = connections[alive[0]!]!;
  for (let n = 0; n < 50; n++) expect((await survivor.send('GET', '/v2/')).status).toBe(200);
  expect(await count()).toBe(151);
  await until(async () => (await workersOf(server)).length === 2);
  for (const connection of await connectToWorkers(port, 2)) connection[Symbol.dispose]();
  expect(await count()).toBe(151);
  for (const connection of connections) connection[Symbol.dispose]();
});

test(
  'when the parent is killed its workers end, and the next server has the data directory',
  () =>
    inDirectory(async (data) => {
      await using server = await startTestProcess({ settings, data, database: '' });
      const image = await pushImage(server.url, 'kept', 'latest');
      const orphans = await workersOf(server);
      expect(orphans).toHaveLength(2);
      // One is in the middle of something.
      const session = new URL(await openUpload(server.url, 'kept'));
      using upload = await openRaw(portOf(server.url));
      upload.socket.write(
        `${asOperator(server.url, requestText('PATCH', session.pathname, ['Host: localhost', 'Content-Length: 10']))}hello`,
      );
      await Bun.sleep(100);
      await server.end('SIGKILL');
      await using next = await startTestProcess({ settings, data, database: '' });
      for (const orphan of orphans) expect(await isAlive(orphan)).toBe(false);
      expect(await (await fetch(`${next.url}/v2/kept/manifests/latest`)).text()).toBe(image.text);
      await expect(fetch(`${server.url}/v2/`)).rejects.toThrow();
    }),
  60_000,
);

test('a worker that cannot go on is given up after a while, with a message and exit code 1', async () => {
  await using server = await startTestProcess({ settings });
  const ended = () => server.process.exitCode !== null;
  let kills = 0;
  for (; kills < 20; kills++) {
    await until(async () => ended() || (await workersOf(server)).length === 2);
    if (ended()) break;
    // The first one, and then whoever takes its place: the system lists the youngest last.
    const [first, second] = await workersOf(server);
    const victim = kills === 0 ? first! : second!;
    process.kill(victim, 'SIGKILL');
    await until(async () => !(await isAlive(victim)));
  }
  expect(kills).toBe(8);
  expect(await server.process.exited).toBe(1);
  expect(server.output()).toContain('ended 8 times in a row, the last time by SIGKILL');
});

test('SIGTERM: every worker finishes what it has, no request fails that a client would not repeat', async () => {
  await using server = await startTestProcess({
    settings: { ...settings, 'drain.delay': '500ms', 'drain.timeout': '20s' },
  });
  const port = portOf(server.url);
  const blob = randomBytes(8 * 2 ** 20);
  const digest = await pushBlob(server.url, 'drain', blob);
  const connections = await connectToWorkers(port, 2);
  const uploads = [];
  for (const { raw } of connections) {
    const session = new URL(await openUpload(server.url, 'drain'));
    raw.socket.write(
      `${asOperator(server.url, requestText('PATCH', session.pathname, ['Host: localhost', 'Content-Length: 10']))}hello`,
    );
    const length = raw.text().length;
    uploads.push({ raw, answer: () => raw.text().slice(length) });
  }
  let refused = false;
  const failures: string[] = [];
  const pulls = Array.from({ length: 8 }, async () => {
    let pulled = 0;
    while (!refused) {
      const response = await fetch(`${server.url}/v2/drain/blobs/${digest}`).catch(() => undefined);
      // Not accepted, or on a connection that the server closed before it read the request: both are repeated.
      if (!response) refused = true;
      else if (response.status !== 200) failures.push(`${response.status}`);
      else if ((await response.arrayBuffer()).byteLength === blob.length) pulled++;
      else failures.push('cut');
    }
    return pulled;
  });
  await Bun.sleep(300);
  const ended = server.end('SIGTERM');
  await until(() => refused, 15_000);
  expect(server.process.exitCode).toBeNull();
  for (const { raw } of uploads) raw.socket.write('world');
  for (const { raw, answer } of uploads) {
    await raw.until(() => answer().includes('\r\n\r\n'));
    expect(answer()).toStartWith('HTTP/1.1 202 ');
  }
  expect((await Promise.all(pulls)).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(8);
  expect(failures).toEqual([]);
  expect(await ended).toBe(0);
  expect(server.output()).toContain('"cut":0');
});

test('a worker that stands still does not keep the server from ending', async () => {
  await using server = await startTestProcess({ settings: { ...settings, 'drain.timeout': '500ms' } });
  const [first] = await workersOf(server);
  process.kill(first!, 'SIGSTOP');
  expect(await server.end('SIGTERM')).toBe(0);
  expect(await isAlive(first!)).toBe(false);
  expect(server.output()).toContain('"msg":"stopped"');
});

test('a signal to the whole group, as a terminal sends it, drains; a second one ends all at once', async () => {
  await using server = await startTestProcess({ settings: { ...settings, 'drain.delay': '60s' }, ownGroup: true });
  const group = server.process.pid;
  const workers = await workersOf(server);
  expect(workers).toHaveLength(2);
  process.kill(-group, 'SIGINT');
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503);
  for (const worker of workers) expect(await isAlive(worker)).toBe(true);
  await Bun.sleep(1100);
  process.kill(-group, 'SIGINT');
  expect(await server.process.exited).toBe(130);
  await until(async () => !(await isAlive(workers[0]!)) && !(await isAlive(workers[1]!)), 5000);
});

test('each line of the log is whole, and says which worker wrote it', async () => {
  await using server = await startTestProcess({ settings: { ...settings, 'log.level': 'debug' } });
  const connections = (await Promise.all([1, 2, 3, 4].map(() => connectToWorkers(portOf(server.url), 2)))).flat();
  const headers = { 'User-Agent': 'x'.repeat(200) };
  await Promise.all(
    connections.map(async ({ send }) => {
      for (let n = 0; n < 200; n++) await send('GET', `/v2/${'long/'.repeat(90)}tags/list`, { headers });
    }),
  );
  for (const connection of connections) connection[Symbol.dispose]();
  await putManifest(server.url, 'last', 'one', '{}');
  await until(() => server.output().includes('/v2/last/'));
  const lines = server.output().trimEnd().split('\n');
  const records = lines.map((line) => JSON.parse(line) as { worker?: number; path?: string });
  expect(records.filter(({ path }) => path?.startsWith('/v2/long/'))).toHaveLength(8 * 200);
  expect(new Set(records.filter(({ path }) => path !== undefined).map(({ worker }) => worker))).toEqual(
    new Set([1, 2]),
  );
});
