import { afterEach, beforeEach, expect, test } from 'bun:test';
import { advisory } from '../advisories/advisory-rig.double.ts';
import { deleteManifest } from '../catalog/index.ts';
import { findImages } from './find-images.ts';
import { findScan } from './image-store.ts';
import { newRematchState, reevaluate } from './rematch.ts';
import { requestScan } from './queue.ts';
import { lookForWork, trimInventories } from './schedule.ts';
import { npm, openScanRig, type ScanRig } from './scan-rig.double.ts';

let rig: ScanRig;
beforeEach(async () => {
  rig = await openScanRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function evaluateAll(): Promise<number> {
  const state = newRematchState();
  for (let images = 0; ;) {
    const done = await reevaluate(rig, rig.knowledge, state);
    images += done.images;
    if (!done.more) return images;
  }
}

test('an update of the advisories evaluates the images that it concerns, and no other, and reads no layer', async () => {
  const concerned = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  const fixed = await rig.push('app', [[npm('left-pad', '2.0.0')]]);
  const other = await rig.push('app', [[npm('right-pad', '1.0.0')]]);
  for (const digest of [concerned, fixed, other]) await rig.scan(digest);
  await evaluateAll();
  rig.layersRead();
  const versions = async () =>
    (await Promise.all([concerned, fixed, other].map(rig.findings))).map((one) => one!.version);
  const before = await versions();
  await rig.publish([advisory('A-1', 'left-pad', '1.1.0'), advisory('A-9', 'unheard', '1.1.0')]);
  expect(await evaluateAll()).toBe(1);
  expect(await versions()).toEqual([before[0]! + 1, before[1]!, before[2]!]);
  expect((await rig.told(concerned))!.findings).toMatchObject([{ id: 'A-1' }]);
  expect(rig.layersRead()).toEqual([]);
  // And is not done again.
  expect(await evaluateAll()).toBe(0);
});

test('a process that ends in the middle of an update leaves it to be done', async () => {
  const digest = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  await rig.scan(digest);
  await evaluateAll();
  await rig.publish([advisory('A-1', 'left-pad', '1.1.0')]);
  const failing = () => Promise.reject(new Error('it ended'));
  await expect(reevaluate(rig, failing, newRematchState())).rejects.toThrow('it ended');
  expect(await evaluateAll()).toBe(1);
  expect((await rig.findings(digest))!.findings).toHaveLength(1);
});

test('a round in which the database is away is done again, not left out', async () => {
  const digest = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  await rig.scan(digest);
  await evaluateAll();
  await rig.publish([advisory('A-1', 'left-pad', '1.1.0')]);
  const { id } = (await findScan(rig.db, digest))!;
  const knowledge = await rig.knowledge();
  // Of an update that concerns more images than one round has.
  const others = Array.from({ length: 300 }, (_, at) => 1_000_000 + at);
  const state = { ...newRematchState(), waiting: [id, ...others], revision: knowledge.revision, knowledge };
  const away = () => Promise.reject(new Error('it is away'));
  const context = { now: rig.now, db: { ...rig.db, write: away, change: away } };
  await expect(reevaluate(context, rig.knowledge, state)).rejects.toThrow('it is away');
  while ((await reevaluate(rig, rig.knowledge, state)).more);
  expect((await rig.findings(digest))!.findings).toMatchObject([{ id: 'A-1' }]);
});

test('an image that cannot be evaluated holds up no other, and is tried again by the queue of scans', async () => {
  const broken = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  const good = await rig.push('app', [[npm('left-pad', '1.0.1')]]);
  for (const digest of [broken, good]) await rig.scan(digest);
  await evaluateAll();
  const scan = (await findScan(rig.db, broken))!;
  await rig.db.change('UPDATE image_inventories SET packages = ? WHERE scan_id = ? RETURNING scan_id', [
    new TextEncoder().encode('no packages'),
    scan.id,
  ]);
  await rig.publish([advisory('A-1', 'left-pad', '1.1.0')]);
  await evaluateAll();
  expect((await rig.findings(good))!.findings).toMatchObject([{ id: 'A-1' }]);
  expect((await findScan(rig.db, broken))!.state).toBe('queued');
  expect((await findScan(rig.db, good))!.state).toBe('done');
});

test('images that were there before are asked for, and each again after the interval; what holds nothing to scan is not', async () => {
  const { db, catalog } = rig;
  const digest = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  const config = await catalog.blob('chart', '{}', 'application/vnd.cncf.helm.config.v1+json');
  const chart = await catalog.push('chart', catalog.image([config, config]));
  const look = async () => {
    let asked = 0;
    for (let after = ''; ;) {
      const round = await lookForWork(db, after, { now: rig.now(), againMs: 3_600_000 });
      asked += round.asked;
      if ((after = round.after) === '') return asked;
    }
  };
  expect(await look()).toBe(2);
  expect(await findScan(db, digest)).toMatchObject({ state: 'queued', reason: 'schedule' });
  expect(await look()).toBe(0);
  await rig.scan(digest);
  await rig.scan(chart.digest);
  expect(await look()).toBe(0);
  rig.clock.now += 3_600_001;
  expect(await look()).toBe(1);
  expect((await findScan(db, digest))!.state).toBe('queued');
});

test('inventories of layers that are stored no more are forgotten, and images that are nowhere', async () => {
  const { db, catalog } = rig;
  const gone = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  const kept = await rig.push('kept', [[npm('right-pad', '1.0.0')]]);
  for (const digest of [gone, kept]) await rig.scan(digest);
  await deleteManifest(catalog, await catalog.repository('app'), gone);
  const layers = () => db.all<{ digest: string }>('SELECT digest FROM layer_inventories', []);
  for (let after = await trimInventories(db, ''); after !== ''; after = await trimInventories(db, after));
  expect(await findScan(db, gone)).toBeUndefined();
  expect(await findScan(db, kept)).toBeDefined();
  expect(await layers()).toHaveLength(2);
  // As the collector does, some time after the last link.
  const [first] = (await rig.inventory(kept))!.inventory.components;
  await db.change('UPDATE blobs SET deleting = 1 WHERE digest <> ? RETURNING id', [first!.layer]);
  await trimInventories(db, '');
  expect((await layers()).map(({ digest }) => digest)).toEqual([first!.layer]);
});

test('an image that was pushed again while it was looked whether it is gone stays, with whoever asks for its scan', async () => {
  const { db, catalog } = rig;
  const layers = [[npm('left-pad', '1.0.0')]];
  const digest = await rig.push('app', layers);
  await rig.scan(digest);
  await deleteManifest(catalog, await catalog.repository('app'), digest);
  let isPushed = false;
  const all: typeof db.all = async (sql, values) => {
    const rows = await db.all(sql, values);
    if (!isPushed && sql.includes('FROM manifests')) {
      isPushed = true;
      await rig.push('app', layers);
      await requestScan(db, digest, 'push', rig.now());
    }
    return rows as never;
  };
  await trimInventories({ ...db, all }, '');
  expect(isPushed).toBe(true);
  expect(await findScan(db, digest)).toMatchObject({ state: 'queued', reason: 'push' });
});

test('which images have a component or a vulnerability: of a registry, with their tags, in pages', async () => {
  const { catalog } = rig;
  const other = await catalog.registry('other');
  await rig.publish([advisory('GHSA-1', 'left-pad', '1.1.0', { aliases: ['CVE-2026-0001'] })]);
  const old = await rig.push('app', [[npm('left-pad', '1.0.0')]], { tags: ['1.0'] });
  const fixed = await rig.push('app', [[npm('left-pad', '1.2.0')]], { tags: ['1.2', 'latest'] });
  const elsewhere = await rig.push('theirs', [[npm('left-pad', '1.0.1')]], { at: other });
  for (const digest of [old, fixed, elsewhere]) await rig.scan(digest);
  await rig.push('copy', [[npm('left-pad', '1.0.0')]]);
  const find = (input: object) => findImages(catalog, catalog.registryId, { top: 100, ...input });
  const named = async (input: object) =>
    (await find(input)).images.map(({ repository, tags, components }) => [
      repository,
      tags,
      components.map(({ version }) => version),
    ]);
  expect(await named({ component: 'left-pad' })).toEqual([
    ['app', ['1.0'], ['1.0.0']],
    ['copy', [], ['1.0.0']],
    ['app', ['1.2', 'latest'], ['1.2.0']],
  ]);
  expect(await named({ component: 'pkg:npm/left-pad@1.2.0' })).toEqual([['app', ['1.2', 'latest'], ['1.2.0']]]);
  expect(await named({ vulnerability: 'CVE-2026-0001' })).toEqual([
    ['app', ['1.0'], ['1.0.0']],
    ['copy', [], ['1.0.0']],
  ]);
  expect(await named({ vulnerability: 'GHSA-1', component: 'pkg:npm/left-pad@1.2.0' })).toEqual([]);
  expect(await named({ component: 'nothing' })).toEqual([]);
  const digests: string[] = [];
  for (let after: number | undefined; ;) {
    const { next, images } = await find({ component: 'left-pad', top: 1, after });
    digests.push(...images.map(({ digest }) => digest));
    if (next === undefined) break;
    after = next;
  }
  expect(digests).toEqual([old, old, fixed]);
});
