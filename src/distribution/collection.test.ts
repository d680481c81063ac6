import { Database } from 'bun:sqlite';
import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { makeImage, pushBlob, putManifest } from '../../test/http/registry.ts';
import { startTestApp, startTestProcess, type TestProcess } from '../../test/support/server.ts';

test('lesson 48: between its upload, or a HEAD that found it, and its manifest a blob is not collected; unused it is', async () => {
  await using server = await startTestApp({ settings: { 'gc.delay': '2s', 'gc.interval': '50ms' } });
  const image = makeImage();
  const other = await pushBlob(server.url, 'gc', 'nobody asks for this');
  await pushBlob(server.url, 'gc', image.config);
  await pushBlob(server.url, 'gc', image.layer);
  const head = (digest: string) => fetch(`${server.url}/v2/gc/blobs/${digest}`, { method: 'HEAD' });
  const [configDigest, layerDigest] = [JSON.parse(image.text).config.digest as string, image.layerDigest];

  // Three times three quarters of the delay: without the HEADs all of it would be gone.
  for (let round = 0; round < 3; round++) {
    await Bun.sleep(1500);
    expect((await head(configDigest)).status).toBe(200);
    expect((await head(layerDigest)).status).toBe(200);
  }
  expect((await head(other)).status).toBe(404);
  expect((await putManifest(server.url, 'gc', 'latest', image.text)).status).toBe(201);
  expect((await fetch(`${server.url}/v2/gc/blobs/${layerDigest}`)).status).toBe(200);
}, 20_000);

test('what collection removes is in the log, each kind with its number', async () => {
  await using server = await startTestProcess({ settings: { 'gc.delay': '1ms', 'gc.interval': '20ms' } });
  await pushBlob(server.url, 'gc', 'nobody wants this');
  expect(await recordWith(server, '"blobs":1')).toMatchObject({ msg: 'collected garbage', blobs: 1, bytes: 17 });
}, 30_000);

test('a candidate that cannot be looked at is in the log and the metrics, also when others can', async () => {
  const settings = { 'gc.delay': '1h', 'gc.interval': '50ms' };
  await using server = await startTestProcess({ database: '', settings });
  const stuck = await pushBlob(server.url, 'gc', 'stuck');
  await pushBlob(server.url, 'gc', 'another');
  const db = new Database(join(server.data, 'bonded.db'));
  db.run('PRAGMA busy_timeout = 5000');
  db.run(
    `CREATE TRIGGER stuck BEFORE DELETE ON blob_links WHEN OLD.digest = '${stuck}' BEGIN SELECT RAISE(ABORT, 'it sticks'); END`,
  );
  // Both in one round.
  db.run('UPDATE gc_candidates SET not_before = 0');
  db.close();
  const record = await recordWith(server, 'it sticks');
  expect(record).toMatchObject({ level: 'error', job: 'collect', kind: 'link', digest: stuck });
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  expect(metrics).toMatch(/^bonded_background_failures_total\{job="collect"\} [1-9]/m);
}, 30_000);

/** The first record of the log with these words, once it is there. */
async function recordWith(server: TestProcess, words: string): Promise<Record<string, unknown>> {
  const find = () =>
    server
      .output()
      .split('\n')
      .find((line) => line.startsWith('{') && line.endsWith('}') && line.includes(words));
  for (const until = Date.now() + 20_000; !find() && Date.now() < until;) await Bun.sleep(20);
  return JSON.parse(find() ?? '{}') as Record<string, unknown>;
}
