import { expect, test } from 'bun:test';
import { sql } from 'kysely';
import { faultOf, plansOf } from '../../catalog/plan.double.ts';
import { recording, type Statement } from '../../catalog/statements.double.ts';
import { isAlive } from '../../jobs/index.ts';
import { findScan } from '../image-store.ts';
import { npm, openScanRig, type ScanRig } from '../scan-rig.double.ts';
import { failingEngines } from './checks.ts';
import {
  claimEngineScan,
  failEngineScan,
  finishEngineScan,
  forgetEngineScan,
  giveBackEngineScan,
  keepReport,
  recoverEngineScans,
  requestEngines,
} from './engine-queue.ts';
import { finding, report } from './engine-rig.double.ts';
import { areEvaluated, engineStates, forgetEngines, saidAbout } from './engine-store.ts';

/** Many images about which an engine was asked, of which few wait. */
async function fill({ db }: ScanRig): Promise<void> {
  const bytes = db.dialect === 'sqlite' ? `x''` : `''::bytea`;
  const state = `CASE WHEN n % 4 = 0 THEN 'queued' ELSE 'done' END`;
  await db.write(async (tx) => {
    for (const engine of ['them', 'others', 'gone'])
      await sql
        .raw(
          `INSERT INTO engine_scans (scan_id, engine, state, not_before, requested_at, version, body)
            WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 20000)
            SELECT n + 100, '${engine}', ${state}, n, n, 1, ${bytes} FROM i`,
        )
        .execute(tx);
  });
}

async function exercise(rig: ScanRig): Promise<Map<string, Statement[]>> {
  const statements: Statement[] = [];
  const db = recording(rig.db, (statement) => statements.push(statement));
  const { now } = rig;
  const digest = await rig.push('app', [[npm('left-pad', '1.0.0')]]);
  await rig.scan(digest);
  const { id } = (await findScan(rig.db, digest))!;
  // Before all others.
  await requestEngines(db, digest, ['them', 'others'], 0);
  for (const end of ['give back', 'fail', 'finish', 'forget']) {
    const taken = (await claimEngineScan(db, 'them', now(), 1))!;
    expect(taken.scanId).toBe(id);
    if (end === 'give back') await giveBackEngineScan(db, taken);
    else if (end === 'fail') await failEngineScan(db, taken, { message: 'no', isFinal: false }, -1_000_000);
    else if (end === 'finish') {
      await keepReport(db, taken, report(finding('CVE-2026-1', 'left-pad', '1.0.0')));
      await finishEngineScan(db, taken, now());
      await saidAbout(db, [id, id + 1]);
      await areEvaluated(db, id);
      await engineStates(db, id);
      await requestEngines(db, digest, ['them'], 0);
    } else await forgetEngineScan(db, taken);
  }
  const nodes = db.dialect === 'postgres' ? { self: () => 1, isAlive } : undefined;
  await recoverEngineScans(db, now(), [1, 2], nodes);
  await failingEngines(db, ['them']);
  await forgetEngines(db, ['them', 'others']);
  return new Map([['engines', statements]]);
}

/** The few that run; what is counted up to a number; and a page of what is forgotten in the background. */
const bounded =
  /WHERE state = 'running' |^SELECT count\(\*\) AS count|^SELECT scan_id AS id FROM engine_scans WHERE engine = \? AND state = 'failed' LIMIT 5$|^DELETE FROM engine_scans WHERE engine = /;

test('no statement about engines reads more as more is stored', async () => {
  await using rig = await openScanRig();
  await fill(rig);
  const analyze = async () => void (await rig.db.write((tx) => sql`ANALYZE`.execute(tx)));
  if (rig.db.dialect === 'postgres') await analyze();
  const recorded = await exercise(rig);
  await analyze();
  for (const generic of [false, true]) {
    const plans = await plansOf(rig.db, recorded, { generic });
    expect(plans.length).toBeGreaterThan(12);
    const faults = plans
      .filter(({ statement }) => !bounded.test(statement))
      .map((plan) => ({ fault: faultOf(plan), ...plan }))
      .filter(({ fault }) => fault !== undefined);
    expect(faults).toEqual([]);
  }
});
