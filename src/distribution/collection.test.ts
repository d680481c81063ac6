import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { makeImage, pushBlob, putManifest } from '../../test/http/registry.ts';
import { startTestApp, startTestProcess, type TestProcess } from '../../test/support/server.ts';

test('lesson 48: between its upload, or a HEAD that found it, and its manifest a blob is not collected; unused it is', async () => {
  await using server = await startTestApp({ settings: { 'gc.delay': '3s', 'gc.interval': '50ms' } });
  const image = makeImage();
  const other = await pushBlob(server.url, 'gc', 'nobody asks for this');
  await pushBlob(server.url, 'gc', image.config);
  await pushBlob(server.url, 'gc', image.layer);
  const head = (digest: string) => fetch(`${server.url}/v2/gc/blobs/${digest}`, { method: 'HEAD' });
  const [configDigest, layerDigest] = [JSON.parse(image.text).config.digest as string, image.layerDigest];

  // Twice three fifths of the delay: without the HEADs all of it would be gone.
  for (let round = 0; round < 2; round++) {
    await Bun.sleep(1800);
    expect((await head(configDigest)).status).toBe(200);
    expect((await head(layerDigest)).status).toBe(200);
  }
  const { db } = server.app.storage;
  while (await db.first('SELECT 1 AS x FROM blob_links WHERE digest = ?', [other])) await Bun.sleep(20);
  expect((await head(other)).status).toBe(404);
  expect((await putManifest(server.url, 'gc', 'latest', image.text)).status).toBe(201);
  expect((await fetch(`${server.url}/v2/gc/blobs/${layerDigest}`)).status).toBe(200);
});

test('what cannot be collected is counted, and does not stand in the way of the rest', async () => {
  await using server = await startTestApp({ settings: { 'gc.delay': '1ms', 'gc.interval': '50ms' } });
  const { db } = server.app.storage;
  const of = { registry_id: 1, repository_id: 4711, digest: `sha256:${'0'.repeat(64)}` };
  // A referrer of a repository that is not there: no collector can make sense of it.
  await db.write(async (tx) => {
    const facts = { media_type: 'x', artifact_type: null, kind: 'image', size: 1, annotations: null, pushed_at: 0 };
    const manifest = { ...of, ...facts, subject_digest: `sha256:${'1'.repeat(64)}`, bytes: new Uint8Array(1) };
    await tx.insertInto('manifests').values(manifest).execute();
    // With another one in the same step: it is not that nothing can be done at all.
    const other = { registry_id: 0, repository_id: 0, digest: of.digest, kind: 'blob', not_before: 0 };
    await tx
      .insertInto('gc_candidates')
      .values([{ ...of, kind: 'manifest', not_before: 0 }, other])
      .execute();
  });
  const digest = await pushBlob(server.url, 'gc', 'nobody asks for this');
  const left = () => fetch(`${server.url}/v2/gc/blobs/${digest}`, { method: 'HEAD' });
  const failures = async () =>
    (await (await fetch(`${server.url}/metrics`)).text()).match(/^bonded_background_failures_total.*$/m)?.[0];
  for (let tries = 0; tries < 400 && ((await left()).status !== 404 || !(await failures())); tries++)
    await Bun.sleep(10);
  expect((await left()).status).toBe(404);
  expect(await failures()).toBe('bonded_background_failures_total{job="collect"} 1');
});

test('what collection removes is in the log, each kind with its number', async () => {
  await using server = await startTestProcess({ settings: { 'gc.delay': '1ms', 'gc.interval': '20ms' } });
  await pushBlob(server.url, 'gc', 'nobody wants this');
  expect(await recordWith(server, '"blobs":1')).toMatchObject({ msg: 'collected garbage', blobs: 1, bytes: 17 });
});

/** The first record of the log with these words, once it is there. */
async function recordWith(server: TestProcess, words: string): Promise<Record<string, unknown>> {
  const find = () =>
    server
      .output()
      .split('\n')
      .find((line) => line.startsWith('{') && line.endsWith('}') && line.includes(words));
  for (const until = Date.now() + 45_000; !find() && Date.now() < until;) await Bun.sleep(20);
  return JSON.parse(find() ?? '{}') as Record<string, unknown>;
}
