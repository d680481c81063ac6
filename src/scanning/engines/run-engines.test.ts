import { afterEach, beforeEach, expect, test } from 'bun:test';
import { advisory } from '../../advisories/advisory-rig.double.ts';
import { deleteManifest } from '../../catalog/index.ts';
import type { Digest } from '../../oci/index.ts';
import { findImages } from '../find-images.ts';
import { changesOf } from '../findings-store.ts';
import { followContent } from '../follow.ts';
import { findScan } from '../image-store.ts';
import { npm, openScanRig, type ScanRig } from '../scan-rig.double.ts';
import { showFindings } from '../show-findings.ts';
import { engineChecks, failingEngines } from './checks.ts';
import { EngineError, type EngineImage } from './engine.ts';
import { broken, drain, engineDouble, finding, report, statesOf } from './engine-rig.double.ts';
import { claimEngineScan, finishEngineScan, keepReport, recoverEngineScans, requestEngines } from './engine-queue.ts';
import { forgetEngines } from './engine-store.ts';

let rig: ScanRig;
beforeEach(async () => void (rig = await openScanRig()));
afterEach(() => rig[Symbol.asyncDispose]());

/** An image that the server itself has scanned, and about which engines are asked. */
async function ask(...engines: string[]): Promise<Digest> {
  await rig.publish([advisory('A-1', 'left-pad', '1.1.0')]);
  const digest = await rig.push('team/app', [[npm('left-pad', '1.0.0')]]);
  await rig.scan(digest);
  await requestEngines(rig.db, digest, engines, rig.now());
  return digest;
}

const idsOf = (findings: readonly { id: string }[]) => findings.map(({ id }) => id).toSorted();
const ended = (count: number) => (all: readonly string[]) => all.length >= count;
/** An engine that is given up may have been asked about an image before. */
const shown = { skip: 0, top: 100 };

test('what an engine says comes to the findings, to the verdicts and to the history, beside what advisories say', async () => {
  const digest = await ask('them');
  const seen: EngineImage[] = [];
  const engine = engineDouble('them', async (image) => {
    seen.push(image);
    return report(
      finding('A-1', 'left-pad', '1.0.0'),
      finding('CVE-2026-5', 'left-pad', '1.0.0', { severity: 'Critical' }),
    );
  });
  expect(await drain(rig, [engine], ended(1))).toEqual(['them scanned']);
  expect(seen).toMatchObject([{ digest, place: { registryId: rig.catalog.registryId, repository: 'team/app' } }]);
  expect(await rig.findings(digest)).toMatchObject({ summary: { critical: 1 }, engines: 'them:1' });
  expect(idsOf((await rig.told(digest))!.findings)).toEqual(['A-1', 'CVE-2026-5']);
  const scan = (await findScan(rig.db, digest))!;
  expect(await changesOf(rig.db, scan.id, 10)).toMatchObject([{ vulnerability: 'CVE-2026-5', change: 'opened' }]);
  const { findings } = await showFindings(rig.db, [scan], shown);
  expect(findings).toMatchObject([
    {
      vulnerability: 'CVE-2026-5',
      engines: ['them'],
      summary: 'as they say',
      severitySource: 'them',
      component: { layerIndex: 0 },
    },
    { vulnerability: 'A-1', engines: ['native', 'them'], records: ['A-1'] },
  ]);
  expect(await statesOf(rig, digest)).toMatchObject([
    {
      engine: 'them',
      state: 'done',
      error: null,
      about: { findings: 2, scanner: { name: 'Double' } },
      endedAt: rig.now(),
    },
  ]);
});

test('what an engine says of a package that is nowhere is shown without a place, and counts', async () => {
  const digest = await ask('them');
  const engine = engineDouble('them', async () => report(finding('CVE-2026-5', 'ghost', '1')));
  await drain(rig, [engine], ended(1));
  const { findings } = await showFindings(rig.db, [(await findScan(rig.db, digest))!], shown);
  expect(findings.find(({ vulnerability }) => vulnerability === 'CVE-2026-5')).toMatchObject({
    component: { name: 'ghost', purl: 'pkg:generic/ghost@1', path: '', layer: '', layerIndex: -1 },
  });
  expect(idsOf((await rig.told(digest))!.findings)).toContain('CVE-2026-5');
});

test('an engine that has more to say than is kept crowds out nothing that the server itself knows', async () => {
  const digest = await ask('them');
  const many = Array.from({ length: 20_000 }, (_, at) =>
    finding(`CVE-1999-${1000 + at}`, 'left-pad', '1.0.0', { severity: 'Critical' }),
  );
  await drain(rig, [engineDouble('them', async () => report(...many))], ended(1));
  const told = (await rig.told(digest))!;
  expect(told.findings).toHaveLength(20_000);
  expect(idsOf(told.findings)).toContain('A-1');
  expect(told.status).toBe('partial');
  expect((await rig.findings(digest))!.summary.critical).toBe(20_000);
});

test('an engine that is broken changes nothing of what the server itself has found, and holds up no other', async () => {
  const digest = await ask('bad', 'good', 'slow');
  const before = await rig.told(digest);
  const slow = engineDouble(
    'slow',
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  );
  const engines = [engineDouble('bad', broken), slow];
  await drain(rig, engines, (all) => all.includes('bad failed'));
  expect(await rig.told(digest)).toEqual(before);
  await drain(
    rig,
    [...engines, engineDouble('good', async () => report(finding('CVE-2026-5', 'left-pad', '1.0.0')))],
    ended(1),
  );
  expect(idsOf((await rig.told(digest))!.findings)).toEqual(['A-1', 'CVE-2026-5']);
  expect(await statesOf(rig, digest)).toMatchObject([
    { engine: 'bad', state: 'queued', attempts: 1, error: 'it is broken' },
    { engine: 'good', state: 'done' },
    // Broken off by the end of the process, which does not count.
    { engine: 'slow', state: 'queued', attempts: 0, error: null },
  ]);
  expect(await findScan(rig.db, digest)).toMatchObject({ state: 'done', error: null });
});

test('an engine is tried five times with longer and longer pauses, and again when the image is scanned again', async () => {
  const digest = await ask('bad');
  const outcomes: string[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    outcomes.push(...(await drain(rig, [engineDouble('bad', broken)], ended(1))));
    expect(await claimEngineScan(rig.db, 'bad', rig.now())).toBeUndefined();
    rig.clock.now += 30_000 * 4 ** attempt;
  }
  expect(outcomes).toEqual([...Array.from({ length: 4 }, () => 'bad failed'), 'bad given up']);
  expect(await statesOf(rig, digest)).toMatchObject([{ state: 'failed', attempts: 5 }]);
  const failing = await failingEngines(rig.db, ['bad', 'good']);
  expect(failing).toMatchObject([
    { engine: 'bad', count: 1, error: 'it is broken', images: [{ digest, repository: 'team/app' }] },
  ]);
  const named = failing.map((one) => ({ ...one, images: one.images.map((image) => ({ ...image, registry: 'mine' })) }));
  expect(engineChecks.flatMap((check) => check.look({ failing: named, serverId: '/server' }))).toEqual([
    {
      resourceId: '/server',
      problem: 'bad has given up on one image, such as: it is broken',
      commands: [['bonded', 'scan', 'start', `team/app@${digest}`, '--registry', 'mine', '--wait']],
    },
  ]);
  await requestEngines(rig.db, digest, ['bad'], rig.now());
  expect(await statesOf(rig, digest)).toMatchObject([{ state: 'queued', attempts: 0 }]);
  expect(await failingEngines(rig.db, ['bad', 'good'])).toEqual([]);
});

test('an image that an engine does not scan is not tried again; what is no fault of an engine is told to the log alone', async () => {
  const digest = await ask('no', 'odd', 'late');
  const no = engineDouble('no', () => Promise.reject(new EngineError('not such an image', { isFinal: true })));
  const odd = engineDouble('odd', () => Promise.reject(new Error('/srv/secret: EACCES')));
  const late = engineDouble(
    'late',
    (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    { timeoutMs: 50 },
  );
  const all = await drain(rig, [no, odd, late], ended(3));
  expect(all.toSorted()).toEqual(['late failed', 'no given up', 'odd failed']);
  expect(await statesOf(rig, digest)).toMatchObject([
    { engine: 'late', error: 'it did not end within 0.05 s' },
    { engine: 'no', state: 'failed', error: 'not such an image' },
    { engine: 'odd', error: 'it failed here; the log of the server says why' },
  ]);
});

test('which images have a vulnerability is known of what only engines say, as long as they say it', async () => {
  const digest = await ask('them');
  const others = await rig.push('copy', [[npm('left-pad', '1.2.0')]], { tags: ['v1'] });
  await rig.scan(others);
  await requestEngines(rig.db, others, ['them'], rig.now());
  let said = ['cve-2026-5', 'CVE-2026-6'];
  const engine = engineDouble('them', async (image) =>
    image.digest === digest
      ? report(
          finding('A-1', 'left-pad', '1.0.0'),
          ...said.map((id) => finding(id, 'left-pad', '1.0.0')),
          finding('CVE-2026-7', 'Ghost', '1', { purl: 'pkg:pypi/Ghost_App@1' }),
        )
      : report(finding('CVE-2026-5', 'left-pad', '1.2.0')),
  );
  await drain(rig, [engine], ended(2));
  const { catalog } = rig;
  const find = async (input: object) => {
    const { images } = await findImages(catalog, catalog.registryId, { top: 100, ...input });
    return images.map(({ repository, components }) =>
      [repository, ...components.map(({ name, version }) => `${name} ${version}`)].join(' '),
    );
  };
  const [app, copy] = ['team/app left-pad 1.0.0', 'copy left-pad 1.2.0'];
  expect(await find({ vulnerability: 'CVE-2026-5' })).toEqual([app, copy]);
  expect(await find({ vulnerability: 'cve-2026-6' })).toEqual([app]);
  expect(await find({ vulnerability: 'CVE-2026-7' })).toEqual(['team/app ghost-app 1']);
  // What advisories say is found by them, and once.
  expect(await find({ vulnerability: 'A-1' })).toEqual([app]);
  expect(await find({ vulnerability: 'CVE-2026-5', component: 'pkg:npm/left-pad@1.2.0' })).toEqual([copy]);
  expect(await find({ vulnerability: 'CVE-2026-7', component: 'Ghost.App' })).toEqual(['team/app ghost-app 1']);
  expect(await find({ vulnerability: 'CVE-2026-7', component: 'left-pad' })).toEqual([]);
  const first = await findImages(catalog, catalog.registryId, { vulnerability: 'CVE-2026-5', top: 1 });
  expect(first.images).toMatchObject([{ digest, components: [{ ecosystem: 'npm' }] }]);
  const rest = { vulnerability: 'CVE-2026-5', top: 1, after: first.next };
  expect((await findImages(catalog, catalog.registryId, rest)).images).toMatchObject([
    { digest: others, tags: ['v1'] },
  ]);

  said = ['CVE-2026-6'];
  await requestEngines(rig.db, digest, ['them'], rig.now());
  await drain(rig, [engine], ended(1));
  expect(await find({ vulnerability: 'CVE-2026-5' })).toEqual([copy]);
  // Known here by now: no longer what only engines say.
  await rig.publish([advisory('GHSA-6', 'left-pad', '1.1.0', { aliases: ['CVE-2026-6'] })]);
  await rig.scan(digest);
  expect(await find({ vulnerability: 'CVE-2026-6' })).toEqual([app]);
  const kept = await rig.db.all('SELECT scan_id FROM engine_findings WHERE vulnerability = ?', ['CVE-2026-6']);
  expect(kept).toEqual([]);
});

test('a package of any length that an engine names is found, and keeps nothing else of the image from being known', async () => {
  const digest = await ask('them');
  // Nothing that a database could pack.
  const random = Array.from({ length: 990 }, () => String.fromCharCode(0x4e00 + Math.floor(Math.random() * 20_000)));
  const purl = `pkg:npm/${random.join('')}`;
  await drain(rig, [engineDouble('them', async () => report(finding('CVE-2026-5', 'long', '1', { purl })))], ended(1));
  expect(await statesOf(rig, digest)).toMatchObject([{ state: 'done', error: null }]);
  const { images } = await findImages(rig.catalog, rig.catalog.registryId, { vulnerability: 'CVE-2026-5', top: 10 });
  expect(images).toMatchObject([{ digest }]);
});

test('a vulnerability of very many packages of an image names some of them, and costs no more to be found', async () => {
  const digest = await ask('them');
  const many = Array.from({ length: 3000 }, (_, at) => finding('CVE-2026-5', `package-${at}`, '1'));
  await drain(rig, [engineDouble('them', async () => report(...many))], ended(1));
  const { catalog, db } = rig;
  const read: number[] = [];
  const counting: typeof db.all = async (sql, values) => {
    const rows = await db.all(sql, values);
    read.push(rows.length);
    return rows as never;
  };
  const asked = { vulnerability: 'CVE-2026-5', top: 10 };
  const { images } = await findImages({ ...catalog, db: { ...db, all: counting } }, catalog.registryId, asked);
  expect(images).toMatchObject([{ digest }]);
  expect(images[0]!.components).toHaveLength(20);
  expect(Math.max(...read)).toBeLessThan(200);
  const last = await findImages(catalog, catalog.registryId, { ...asked, component: 'package-2999' });
  expect(last.images).toMatchObject([{ digest, components: [{ name: 'package-2999' }] }]);
});

test('what an engine said is searched for no more once it is forgotten, also where an older node evaluated between', async () => {
  const digest = await ask('gone');
  await drain(rig, [engineDouble('gone', async () => report(finding('CVE-2026-6', 'left-pad', '1.0.0')))], ended(1));
  await forgetEngines(rig.db, []);
  // One of the version before keeps findings, and knows nothing of what is searched for.
  await rig.db.change(`UPDATE image_findings SET engines = '', version = version + 1 RETURNING scan_id`, []);
  await rig.publish([advisory('A-2', 'left-pad', '1.1.0')]);
  await rig.scan(digest);
  const { images } = await findImages(rig.catalog, rig.catalog.registryId, { vulnerability: 'CVE-2026-6', top: 10 });
  expect(images).toEqual([]);
});

test('what an engine said stands until it says something else, and goes where it says so, or is no longer configured', async () => {
  const digest = await ask('them', 'gone');
  const says =
    (...findings: string[]) =>
    async () =>
      report(...findings.map((id) => finding(id, 'left-pad', '1.0.0')));
  await drain(rig, [engineDouble('them', says('CVE-2026-5')), engineDouble('gone', says('CVE-2026-6'))], ended(2));
  const ids = async () => idsOf((await rig.told(digest))!.findings);
  expect(await ids()).toEqual(['A-1', 'CVE-2026-5', 'CVE-2026-6']);
  await rig.scan(digest);
  expect(await ids()).toEqual(['A-1', 'CVE-2026-5', 'CVE-2026-6']);
  await requestEngines(rig.db, digest, ['them'], rig.now());
  await drain(rig, [engineDouble('them', broken)], ended(1));
  await rig.scan(digest);
  expect(await ids()).toEqual(['A-1', 'CVE-2026-5', 'CVE-2026-6']);
  rig.clock.now += 60_000;
  await drain(rig, [engineDouble('them', says())], ended(1));
  expect(await ids()).toEqual(['A-1', 'CVE-2026-6']);
  expect(await forgetEngines(rig.db, ['them'])).toEqual([digest]);
  expect(await forgetEngines(rig.db, ['them'])).toEqual([]);
  await rig.scan(digest);
  expect(await ids()).toEqual(['A-1']);
});

test('what was lost with its process runs again, and what it writes then is not taken', async () => {
  const digest = await ask('them');
  const lost = (await claimEngineScan(rig.db, 'them', rig.now()))!;
  expect(await claimEngineScan(rig.db, 'them', rig.now())).toBeUndefined();
  await recoverEngineScans(rig.db, rig.now(), [lost.scanId]);
  expect(await claimEngineScan(rig.db, 'them', rig.now())).toBeUndefined();
  await recoverEngineScans(rig.db, rig.now(), []);
  const again = (await claimEngineScan(rig.db, 'them', rig.now()))!;
  expect(again).toMatchObject({ digest, attempts: 2 });
  expect(await keepReport(rig.db, lost, report())).toBe(false);
  expect(await finishEngineScan(rig.db, lost, rig.now())).toBe(false);
  // Asked for while it runs, it runs again.
  await requestEngines(rig.db, digest, ['them'], rig.now());
  expect(await finishEngineScan(rig.db, again, rig.now())).toBe(true);
  expect(await statesOf(rig, digest)).toMatchObject([{ state: 'queued' }]);
});

test('an image that is gone takes along what engines were asked of it, and have said', async () => {
  const digest = await ask('them');
  await drain(rig, [engineDouble('them', async () => report(finding('CVE-2026-5', 'left-pad', '1.0.0')))], ended(1));
  await deleteManifest(rig.catalog, await rig.catalog.repository('team/app'), digest);
  await requestEngines(rig.db, digest, ['them'], rig.now());
  expect(await drain(rig, [engineDouble('them', broken)], ended(1))).toEqual(['them gone']);
  await requestEngines(rig.db, digest, ['them'], rig.now());
  const found = () => rig.db.all('SELECT * FROM engine_findings', []);
  expect(await found()).toHaveLength(1);
  while ((await followContent(rig.db, rig.now)) > 0);
  expect(await rig.db.all('SELECT * FROM engine_scans', [])).toEqual([]);
  expect(await found()).toEqual([]);
  await requestEngines(rig.db, digest, ['them'], rig.now());
  expect(await rig.db.all('SELECT * FROM engine_scans', [])).toEqual([]);
});

test('of an engine and an update of advisories at the same time both are in the findings', async () => {
  const digest = await ask('them');
  const scan = (await findScan(rig.db, digest))!;
  for (let round = 0; round < 5; round++) {
    await requestEngines(rig.db, digest, ['them'], rig.now());
    const engine = engineDouble('them', async () => {
      await rig.publish([advisory('A-1', 'left-pad', '1.1.0'), advisory(`A-${round + 2}`, 'left-pad', '1.1.0')]);
      void rig.evaluate(digest).catch(() => {});
      return report(finding(`CVE-2026-${round}`, 'left-pad', '1.0.0'));
    });
    await drain(rig, [engine], ended(1));
    await rig.evaluate(digest);
    const expected = ['A-1', `A-${round + 2}`, `CVE-2026-${round}`];
    expect(idsOf((await rig.findings(digest))!.findings)).toEqual(expected);
    expect(idsOf((await rig.told(digest))!.findings)).toEqual(expected);
    expect((await showFindings(rig.db, [scan], shown)).total).toBe(3);
  }
});
