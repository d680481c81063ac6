import { expect, test } from 'bun:test';
import { makeImage, ociIndex, pushImage } from '../../test/http/registry.ts';
import { connectToWorkers, type WorkerConnection } from '../../test/http/worker-connections.ts';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { startTestProcess } from '../../test/support/server.ts';

const rounds = 10;

test('a lock that one process acknowledged holds in the others, whatever they are doing', async () => {
  await using database = await freshDatabaseOptions();
  const url = database.kind === 'postgres' ? database.url : undefined;
  await using server = await startTestProcess({
    settings: { processes: 2 },
    ...(url !== undefined && { database: url }),
  });
  await pushImage(server.url, 'app', 'v1', makeImage());
  const port = Number(new URL(server.url).port);
  const workers: WorkerConnection[] = [];
  while (workers.length < 6) workers.push(...(await connectToWorkers(port, 2)));
  const [locker, , ...pushers] = workers;
  let made = 0;
  const push = async (worker: WorkerConnection) => {
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [],
      annotations: { n: `${made++}` },
    });
    return worker.send('PUT', '/v2/app/manifests/v1', { body, headers: { 'Content-Type': ociIndex } });
  };
  const lock = async (path: string, writeEnabled: boolean) => {
    const answer = await locker!.send('PATCH', `/acr/v1/app${path}`, { body: JSON.stringify({ writeEnabled }) });
    expect(answer.status).toBe(200);
  };
  const digestNow = async () => {
    const { headers } = await locker!.send('HEAD', '/v2/app/manifests/v1');
    return headers.get('docker-content-digest');
  };
  let through = 0;
  const untilRefused = async (worker: WorkerConnection) => {
    for (;;) {
      const { status } = await push(worker);
      if (status === 405) return;
      expect(status).toBe(201);
      through++;
    }
  };
  for (let round = 0; round < rounds; round++) {
    const path = round % 2 === 0 ? '' : '/_tags/v1';
    const pushing = Promise.all(pushers.map(untilRefused));
    const before = through;
    while (through < before + pushers.length) await Bun.sleep(1);
    await lock(path, false);
    const acknowledged = await digestNow();
    await pushing;
    expect(await digestNow()).toBe(acknowledged);
    for (const { status } of await Promise.all(pushers.map(push))) expect(status).toBe(405);
    await lock(path, true);
    for (const { status } of await Promise.all(pushers.map(push))) expect(status).toBe(201);
  }
  for (const worker of workers) worker[Symbol.dispose]();
}, 120_000);
