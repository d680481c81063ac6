import { type Database, packJson, type Parameter, placeholders, rowsOf } from '../../database/index.ts';
import type { Digest } from '../../oci/index.ts';
import type { ScanClaims } from '../queue.ts';
import type { EngineReport } from './engine.ts';
import './tables.ts';

/*
 * What engines are to look at. It is apart from the queue of the server's own scans, so that an engine that is slow, broken or
 * gone holds none of them up:
 *
 *   queued ── claim ──> running ── finish ──> done      (queued again where it was asked for meanwhile)
 *     ^                    │
 *     └─── fail, lost ─────┴── after mostAttempts, or where it is final ──> failed   (until the image is scanned again)
 */

/** After so many attempts that failed, an image is left until it is scanned again. */
export const mostAttempts = 5;
/** Pause before the second attempt (ms), four times as long before each further one. */
const firstPauseMs = 30_000;
/** Characters of what went wrong that are kept. */
const mostError = 1000;

/** A scan by an engine that this process runs. */
export interface TakenEngineScan {
  scanId: number;
  engine: string;
  digest: Digest;
  attempts: number;
  fence: number;
  requests: number;
}

/** Asks engines to look at an image. What they have said before stands until they say something else. */
export async function requestEngines(
  db: Database,
  digest: Digest,
  engines: readonly string[],
  now: number,
): Promise<void> {
  if (engines.length === 0) return;
  await db.write(async (tx) => {
    const scan = await tx.first<{ id: number }>('SELECT id FROM scans WHERE digest = ? FOR UPDATE', [digest]);
    if (!scan) return;
    const wanted = engines.toSorted().map((engine): Parameter[] => [scan.id, engine, 'queued', now, now]);
    for (const { rows, values } of rowsOf(wanted)) {
      tx.send(
        `INSERT INTO engine_scans (scan_id, engine, state, not_before, requested_at) VALUES ${rows}
          ON CONFLICT (scan_id, engine) DO UPDATE SET
            requests = engine_scans.requests + 1,
            requested_at = CASE WHEN engine_scans.state IN ('queued', 'running') THEN engine_scans.requested_at
              ELSE excluded.requested_at END,
            not_before = CASE WHEN engine_scans.state IN ('queued', 'running') THEN engine_scans.not_before
              ELSE excluded.not_before END,
            attempts = CASE WHEN engine_scans.state = 'failed' THEN 0 ELSE engine_scans.attempts END,
            state = CASE WHEN engine_scans.state = 'running' THEN engine_scans.state ELSE 'queued' END`,
        values,
      );
    }
  });
}

const next = `SELECT scan_id FROM engine_scans WHERE engine = ? AND state = 'queued' AND not_before <= ?
  ORDER BY not_before, scan_id LIMIT 1`;
const claim = (of: string) =>
  `UPDATE engine_scans SET state = 'running', holder = ?, attempts = attempts + 1, fence = fence + 1
    WHERE engine = ? AND scan_id = (${of}) AND state = 'queued'
    RETURNING scan_id AS "scanId", engine, attempts, fence, requests`;
const claims = { sqlite: claim(next), postgres: claim(`${next} FOR UPDATE SKIP LOCKED`) };

/** Takes what an engine is to look at next; undefined where nothing is due. */
export async function claimEngineScan(
  db: Database,
  engine: string,
  now: number,
  holder?: number,
): Promise<TakenEngineScan | undefined> {
  const values = [holder ?? null, engine, engine, now];
  const [taken] = await db.change<Omit<TakenEngineScan, 'digest'>>(claims[db.dialect], values, { durable: false });
  if (!taken) return undefined;
  const scan = await db.first<{ digest: Digest }>('SELECT digest FROM scans WHERE id = ?', [taken.scanId]);
  if (scan) return { ...taken, digest: scan.digest };
  await forgetEngineScan(db, taken);
  return undefined;
}

const own = `WHERE scan_id = ? AND engine = ? AND fence = ? AND state = 'running'`;
type Taken = Pick<TakenEngineScan, 'scanId' | 'engine' | 'fence'>;
const ownValues = ({ scanId, engine, fence }: Taken) => [scanId, engine, fence];

/** The image is gone. */
export async function forgetEngineScan(db: Database, taken: Taken): Promise<void> {
  await db.change(`DELETE FROM engine_scans ${own} RETURNING scan_id`, ownValues(taken));
}

/** Keeps what an engine says, in place of what it said before. It runs on until `finishEngineScan`. */
export async function keepReport(db: Database, taken: Taken, report: EngineReport): Promise<boolean> {
  const { scanner, findings, isCut } = report;
  const about = JSON.stringify({ scanner, findings: findings.length, isCut });
  const rows = await db.change(
    `UPDATE engine_scans SET version = version + 1, about = ?, body = ? ${own} RETURNING scan_id`,
    [about, packJson(findings), ...ownValues(taken)],
  );
  return rows.length > 0;
}

/** It ended well. False where another runner has it by now. */
export async function finishEngineScan(db: Database, taken: TakenEngineScan, now: number): Promise<boolean> {
  const rows = await db.change(
    `UPDATE engine_scans SET state = CASE WHEN requests = ? THEN 'done' ELSE 'queued' END, attempts = 0, error = NULL,
      ended_at = ?, holder = NULL ${own} RETURNING scan_id`,
    [taken.requests, now, ...ownValues(taken)],
    { durable: false },
  );
  return rows.length > 0;
}

/** It did not: it waits, each time longer, or is left, which resolves with false. What was said before stands. */
export async function failEngineScan(
  db: Database,
  taken: TakenEngineScan,
  { message, isFinal }: { message: string; isFinal: boolean },
  now: number,
): Promise<boolean> {
  const again = !isFinal && taken.attempts < mostAttempts;
  const pause = firstPauseMs * 4 ** (taken.attempts - 1);
  const state = again ? 'queued' : 'failed';
  await db.change(
    `UPDATE engine_scans SET state = ?, not_before = ?, error = ?, holder = NULL ${own} RETURNING scan_id`,
    [state, now + pause, message.slice(0, mostError), ...ownValues(taken)],
  );
  return again;
}

/** It was broken off, by the end of this process: that does not count. */
export async function giveBackEngineScan(db: Database, taken: Taken): Promise<void> {
  await db.change(
    `UPDATE engine_scans SET state = 'queued', attempts = attempts - 1, holder = NULL ${own} RETURNING scan_id`,
    ownValues(taken),
    { durable: false },
  );
}

/** Queues again what ran in a process that is gone, or in this one, which knows the images that it has under way. */
export async function recoverEngineScans(
  db: Database,
  now: number,
  mine: readonly number[],
  nodes?: ScanClaims,
): Promise<void> {
  const lost = nodes ? `AND (holder IS NULL OR holder = ? OR NOT ${nodes.isAlive('engine_scans.holder')})` : '';
  const others = mine.length > 0 ? `AND scan_id NOT IN (${placeholders(mine.length)})` : '';
  await db.change(
    `UPDATE engine_scans SET state = CASE WHEN attempts < ? THEN 'queued' ELSE 'failed' END, not_before = ?, holder = NULL,
      error = 'the process that ran it ended' WHERE state = 'running' ${lost} ${others} RETURNING scan_id`,
    [mostAttempts, now, ...(nodes ? [nodes.self()] : []), ...mine],
  );
}
