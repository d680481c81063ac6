import { type Database, placeholders, type WriteOptions } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import './tables.ts';

/*
 * Which images wait to be scanned. A row an image, so that one that is pushed a hundred times is scanned once:
 *
 *   queued ── claim ──> running ── finish ──> done      (queued again where it was asked for meanwhile)
 *     ^                    │
 *     └─── fail, lost ─────┴── after mostAttempts ──> failed   (until somebody asks for it)
 */

/** Why an image is scanned, and how soon: a pull that waits comes first. */
export const priorities = { schedule: 20, push: 50, import: 50, asked: 80, pull: 100 } as const;
export type ScanReason = keyof typeof priorities;

/** After so many attempts that failed, an image is left until somebody asks for it. */
export const mostAttempts = 5;
/** Pause before the second attempt (ms), four times as long before each further one. */
const firstPauseMs = 10_000;

/** Characters of what went wrong that are kept. */
const mostError = 1000;

/** A scan that this process runs. */
export interface TakenScan {
  id: number;
  digest: Digest;
  reason: ScanReason;
  attempts: number;
  fence: number;
  requests: number;
}

/** How nodes know which of them runs a scan; left out where one process alone does. */
export interface ScanClaims {
  /** The number of this node. */
  self(): number;
  /** SQL: whether the node whose number is in a column is alive. */
  isAlive(column: string): string;
}

const request = `INSERT INTO scans (digest, state, priority, not_before, requested_at, reason, attempts)
  VALUES (?, 'queued', ?, ?, ?, ?, 0)
  ON CONFLICT (digest) DO UPDATE SET
    requests = scans.requests + 1,
    priority = CASE WHEN scans.state = 'queued' AND scans.priority > excluded.priority THEN scans.priority
      ELSE excluded.priority END,
    not_before = CASE WHEN scans.state = 'running' THEN scans.not_before ELSE excluded.not_before END,
    requested_at = CASE WHEN scans.state IN ('queued', 'running') THEN scans.requested_at ELSE excluded.requested_at END,
    attempts = CASE WHEN scans.state = 'failed' THEN 0 ELSE scans.attempts END,
    reason = CASE WHEN scans.state = 'queued' AND scans.priority > excluded.priority THEN scans.reason
      ELSE excluded.reason END,
    state = CASE WHEN scans.state = 'running' THEN scans.state ELSE 'queued' END
  RETURNING id`;

/**
 * Asks for an image to be scanned; resolves with the id of its scan. One that waits already waits less, never longer. Not `durable`
 * for whoever asks again after a power cut.
 */
export async function requestScan(
  db: Database,
  digest: Digest,
  reason: ScanReason,
  now: number,
  options: WriteOptions = {},
): Promise<number> {
  const [row] = await db.change<{ id: number }>(request, [digest, priorities[reason], now, now, reason], options);
  return row!.id;
}

const hurry = `INSERT INTO scans (digest, state, priority, not_before, requested_at, reason, attempts)
  VALUES (?, 'queued', ?, ?, ?, 'pull', 0)
  ON CONFLICT (digest) DO UPDATE SET priority = excluded.priority, reason = excluded.reason
    WHERE scans.state = 'queued' AND scans.priority < excluded.priority
  RETURNING id`;

/** Somebody waits for an image: its scan comes before others. One that runs or has ended stays as it is. */
export async function hurryScan(db: Database, digest: Digest, now: number): Promise<void> {
  await db.change(hurry, [digest, priorities.pull, now, now], { durable: false });
}

const pulled = `SELECT id FROM scans WHERE state = 'queued' AND priority = ${priorities.pull} AND not_before <= ? LIMIT 1`;

/** Whether a scan is due for which somebody waits who pulls. */
export async function isPulled(db: Database, now: number): Promise<boolean> {
  return (await db.first(pulled, [now])) !== undefined;
}

/** Since when an image waits to be scanned, or is being scanned (ms); undefined where nobody has asked for it. */
export async function scanWaitsSince(db: Database, digest: Digest): Promise<number | undefined> {
  return (await db.first<{ at: number }>('SELECT requested_at AS at FROM scans WHERE digest = ?', [digest]))?.at;
}

const claimed = 'id, digest, reason, attempts, fence, requests';
const next = `SELECT id FROM scans WHERE state = 'queued' AND not_before <= ? ORDER BY priority DESC, not_before, id LIMIT 1`;
const claim = (of: string) =>
  `UPDATE scans SET state = 'running', started_at = ?, holder = ?, attempts = attempts + 1, fence = fence + 1
    WHERE id = (${of}) AND state = 'queued' RETURNING ${claimed}`;
const claims = { sqlite: claim(next), postgres: claim(`${next} FOR UPDATE SKIP LOCKED`) };

/** Takes the scan that comes next; undefined where none is due. */
export async function claimScan(db: Database, now: number, holder?: number): Promise<TakenScan | undefined> {
  const [taken] = await db.change<TakenScan>(claims[db.dialect], [now, holder ?? null, now], { durable: false });
  return taken;
}

const own = `WHERE id = ? AND fence = ? AND state = 'running'`;

/** It ended well. False where another runner has it by now. */
export async function finishScan(db: Database, { id, fence, requests }: TakenScan, now: number): Promise<boolean> {
  const rows = await db.change(
    `UPDATE scans SET state = CASE WHEN requests = ? THEN 'done' ELSE 'queued' END, attempts = 0, error = NULL,
      ended_at = ?, holder = NULL ${own} RETURNING id`,
    [requests, now, id, fence],
    { durable: false },
  );
  return rows.length > 0;
}

/** It did not: it waits, each time longer, or is left, which resolves with false. */
export async function failScan(db: Database, scan: TakenScan, error: string, now: number): Promise<boolean> {
  const again = scan.attempts < mostAttempts;
  const pause = firstPauseMs * 4 ** (scan.attempts - 1);
  const rows = await db.change(
    `UPDATE scans SET state = ?, not_before = ?, error = ?, holder = NULL ${own} RETURNING id`,
    [again ? 'queued' : 'failed', now + pause, error.slice(0, mostError), scan.id, scan.fence],
  );
  // Where another runner has it, it is that one's to say.
  return again || rows.length === 0;
}

/** It was broken off, by the end of this process: that does not count. */
export async function giveBackScan(db: Database, { id, fence }: TakenScan): Promise<void> {
  await db.change(
    `UPDATE scans SET state = 'queued', attempts = attempts - 1, holder = NULL ${own} RETURNING id`,
    [id, fence],
    { durable: false },
  );
}

/**
 * Queues again what ran in a process that is gone, or in this one, which knows what it runs. Its attempt counts: an image that
 * ends processes must not do so for ever. Resolves with what was tried too often, and is left.
 */
export async function recoverScans(
  db: Database,
  now: number,
  mine: readonly number[],
  nodes?: ScanClaims,
): Promise<Digest[]> {
  const lost = nodes ? `AND (holder IS NULL OR holder = ? OR NOT ${nodes.isAlive('scans.holder')})` : '';
  const others = mine.length > 0 ? `AND id NOT IN (${placeholders(mine.length)})` : '';
  const rows = await db.change<{ digest: Digest; state: string }>(
    `UPDATE scans SET state = CASE WHEN attempts < ? THEN 'queued' ELSE 'failed' END, not_before = ?, holder = NULL,
      error = 'the process that ran it ended' WHERE state = 'running' ${lost} ${others} RETURNING digest, state`,
    [mostAttempts, now, ...(nodes ? [nodes.self()] : []), ...mine],
  );
  return rows.filter(({ state }) => state === 'failed').map(({ digest }) => digest);
}

/** Most that are counted: beyond that a number says nothing more. */
const mostCounted = 10_000;

/** How many wait, run and are left, up to `mostCounted`, and since when the one waits that waits longest (ms). */
export async function queueState(
  db: Database,
): Promise<{ queued: number; running: number; failed: number; oldestAt: number | null }> {
  const count = async (state: string) => {
    const row = await db.first<{ n: number; oldest: number | null }>(
      `SELECT count(*) AS n, min(requested_at) AS oldest
        FROM (SELECT requested_at FROM scans WHERE state = '${state}' LIMIT ${mostCounted}) AS counted`,
      [],
    );
    return row!;
  };
  const [queued, running, failed] = await Promise.all([count('queued'), count('running'), count('failed')]);
  return { queued: queued.n, running: running.n, failed: failed.n, oldestAt: queued.oldest };
}
