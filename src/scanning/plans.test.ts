import { expect, test } from 'bun:test';
import { sql } from 'kysely';
import { advisory } from '../advisories/advisory-rig.double.ts';
import { faultOf, plansOf } from '../catalog/plan.double.ts';
import { recording, type Statement } from '../catalog/statements.double.ts';
import { deleteManifest } from '../catalog/index.ts';
import { isAlive } from '../jobs/index.ts';
import { failedScans } from './failed-scans.ts';
import { packagesByEngines } from './engines/engine-findings.ts';
import { findImages } from './find-images.ts';
import { changesOf } from './findings-store.ts';
import { followContent } from './follow.ts';
import { canBeHad, readOnceMore } from './layers.ts';
import { findScan, forgetImage } from './image-store.ts';
import {
  claimScan,
  failScan,
  finishScan,
  giveBackScan,
  hurryScan,
  isPulled,
  queueState,
  recoverScans,
  requestScan,
  scanWaitsSince,
} from './queue.ts';
import { newRematchState, reevaluate } from './rematch.ts';
import { lookForWork, trimInventories } from './schedule.ts';
import { scanImage } from './scan-image.ts';
import { npm, openScanRig, type ScanRig } from './scan-rig.double.ts';
import { showFindings } from './show-findings.ts';

const rows = 20_000;

/** Many images with many packages, of which few wait. */
async function fill({ db, catalog }: ScanRig): Promise<void> {
  const { id } = await catalog.repository('app');
  const bytes = db.dialect === 'sqlite' ? `x''` : `''::bytea`;
  const digest = `'sha256:' || n`;
  const many = (table: string, columns: string, values: string) =>
    sql.raw(
      `INSERT INTO ${table} (${columns}) WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${rows})
        SELECT ${values} FROM i`,
    );
  const state = `CASE WHEN n % 4 = 0 THEN 'queued' ELSE 'done' END`;
  const statements = [
    many(
      'manifests',
      'registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes',
      `${catalog.registryId}, ${id}, ${digest}, 'x', 'image', 1, 0, ${bytes}`,
    ),
    many(
      'scans',
      'digest, state, priority, not_before, requested_at, reason, attempts',
      `${digest}, ${state}, 20, n, n, 'push', 0`,
    ),
    many('layer_inventories', 'digest, revision, failures, read_at', `${digest}, 1, 0, 0`),
    many('image_inventories', 'scan_id, revision, status, scanned_at, body', `n, 1, 'complete', 0, ${bytes}`),
    many(
      'image_findings',
      'scan_id, version, advisory_revision, scanned_at, evaluated_at, summary, body',
      `n, 1, 1, 0, 0, '{}', ${bytes}`,
    ),
    many('image_components', 'component_id, scan_id', `100000 + n / 100, n`),
    many('engine_findings', 'vulnerability, scan_id, purl', `'CVE-2026-' || n / 100, n, 'pkg:npm/left-pad@1.0.1'`),
    many(
      'finding_changes',
      'scan_id, vulnerability, purl, "change", at, advisory_revision',
      `n / 10, 'v', 'p', 'opened', 0, 0`,
    ),
    many(
      'components',
      '"key", ecosystem, release, name, version, revision',
      `'k' || n, 'npm', '', 'name' || n, '1', 0`,
    ),
  ];
  await db.write(async (tx) => {
    for (const statement of statements) await statement.execute(tx);
  });
}

async function exercise(rig: ScanRig): Promise<Map<string, Statement[]>> {
  const statements: Statement[] = [];
  const db = recording(rig.db, (statement) => statements.push(statement));
  const { now, source, knowledge, catalog } = rig;
  const digest = await rig.push('app', [[npm('left-pad', '1.0.1')]], { tags: ['next'] });
  const layers = { ...source, db };
  await requestScan(db, digest, 'push', now());
  await hurryScan(db, digest, now());
  expect(await isPulled(db, now())).toBe(true);
  for (const end of ['give back', 'fail', 'finish']) {
    const taken = (await claimScan(db, now(), 1))!;
    if (end === 'give back') await giveBackScan(db, taken);
    else if (end === 'fail') await failScan(db, taken, 'no', now());
    else {
      expect(await scanImage(layers, taken, knowledge, AbortSignal.timeout(60_000))).toBe('scanned');
      await finishScan(db, taken, now());
    }
    await hurryScan(db, digest, now());
    rig.clock.now += 60_000;
  }
  const nodes = db.dialect === 'postgres' ? { self: () => 1, isAlive } : undefined;
  await recoverScans(db, now(), [1, 2], nodes);
  await queueState(db);
  const state = newRematchState();
  await rig.publish([advisory('A-2', 'left-pad', '1.1.0')]);
  while ((await reevaluate({ db, now }, knowledge, state)).more);
  const scan = (await findScan(db, digest))!;
  await showFindings(db, [scan], { skip: 0, top: 10 });
  await changesOf(db, scan.id, 10);
  await findImages({ ...catalog, db }, catalog.registryId, { component: 'left-pad', top: 10 });
  await findImages({ ...catalog, db }, catalog.registryId, { vulnerability: 'A-2', top: 10 });
  await findImages({ ...catalog, db }, catalog.registryId, { vulnerability: 'CVE-2026-3', top: 10 });
  const engines = { vulnerability: 'CVE-2026-3', component: 'left-pad' };
  await packagesByEngines(db, engines, [300, 301]);
  await readOnceMore(db, [{ digest }]);
  await canBeHad(db, [digest]);
  await failedScans({ ...catalog, db }, catalog.registryId, { after: 1, top: 10 });
  await scanWaitsSince(db, digest);
  await lookForWork(db, 'sha256:1', { now: now(), againMs: 1 });
  await trimInventories(db, 'sha256:1');
  await followContent(db, now, 1000);
  await deleteManifest(catalog, await catalog.repository('app'), digest);
  await db.write((tx) => forgetImage(tx, scan.id));
  await findScan(db, `sha256:${'0'.repeat(64)}`);
  return new Map([['scanning', statements]]);
}

/** Counted up to a number; the few that run; a page of what is walked through in the background; those of a component; and what advisories answers for. */
const bounded =
  /^SELECT DISTINCT scan_id AS id FROM image_components WHERE component_id IN \([?, ]*\)$|WHERE state = 'running' |FROM advisory_aliases |FROM \(SELECT requested_at FROM scans WHERE state|^SELECT (?:digest, kind FROM manifests|digest, revision FROM layer_inventories|id, digest FROM scans WHERE digest >)/;

test('no statement of scanning reads more as more is stored', async () => {
  await using rig = await openScanRig();
  await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  await fill(rig);
  const analyze = async () => void (await rig.db.write((tx) => sql`ANALYZE`.execute(tx)));
  if (rig.db.dialect === 'postgres') await analyze();
  const recorded = await exercise(rig);
  await analyze();
  for (const generic of [false, true]) {
    const plans = await plansOf(rig.db, recorded, { generic });
    expect(plans.length).toBeGreaterThan(40);
    const faults = plans
      .filter(({ statement }) => !bounded.test(statement))
      .map((plan) => ({ fault: faultOf(plan), ...plan }))
      .filter(({ fault }) => fault !== undefined);
    expect(faults).toEqual([]);
  }
});
