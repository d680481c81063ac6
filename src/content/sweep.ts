import { aheadMs, type Database } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { BlobStore, StagingArea } from './blob-store.ts';
import { createLocalClaims, type UploadClaims } from './claims.ts';
import { endUploads } from './end-uploads.ts';
import { type Holders, withoutNodes } from './hold-upload.ts';
import { deletingBlobs, forgetBlobs, keysInUse } from './store.ts';
import { idleUploads, knownUploads, restartIdleness, touchUploads, type UploadRow } from './upload-store.ts';

/** Behind which row the next step looks, where the one before met something stuck: a page of such must hide no other. */
const stuckUntil = new WeakMap<Database, number>();

/** Second phase of a delete: bytes first, then the rows, so that a crash between repeats rather than leaks. */
export async function sweepDeleted(
  db: Database,
  store: BlobStore,
  limit = 100,
): Promise<{ blobs: number; bytes: number }> {
  const after = stuckUntil.get(db) ?? 0;
  let rows = await deletingBlobs(db, limit, after);
  // Behind them is nothing more.
  if (rows.length < limit) stuckUntil.delete(db);
  if (rows.length === 0 && after > 0) rows = await deletingBlobs(db, limit);
  if (rows.length === 0) return { blobs: 0, bytes: 0 };
  // Rows may be seen before they are durable. A power cut that took them back would bring back links to bytes that are
  // gone; and after a failed sync they may be taken back at any time.
  await db.settle();
  const { done, failure } = await allOrEach(rows, (some) => store.remove(some.map((row) => row.key)));
  const ids = done.map((row) => row.id);
  // A power cut that brings rows back costs no more than another look.
  if (ids.length > 0) await db.write((tx) => forgetBlobs(tx, ids), { durable: false });
  if (failure !== undefined) {
    if (rows.length === limit) stuckUntil.set(db, rows.at(-1)!.id);
    throw failure;
  }
  return { blobs: done.length, bytes: done.reduce((sum, row) => sum + row.size, 0) };
}

/** After so many in a row that waited in vain for the storage, no further one is tried: each takes minutes. */
const mostAway = 2;

/** Counts failures of a storage that is away; tells when that is so for all, and not for one thing alone. */
function createAwayCount(): (error: unknown) => boolean {
  let inRow = 0;
  return (error) => {
    inRow = error instanceof RegistryError && error.code === 'UNAVAILABLE' ? inRow + 1 : 0;
    return inRow === mostAway;
  };
}

/** All at once; where that fails, one by one, so that one which is stuck keeps no other. `act` must be repeatable. */
async function allOrEach<T>(
  items: readonly T[],
  act: (some: readonly T[]) => Promise<void>,
): Promise<{ done: readonly T[]; failure?: unknown }> {
  try {
    await act(items);
    return { done: items };
  } catch {
    const done: T[] = [];
    let failure: unknown;
    const isAway = createAwayCount();
    for (const item of items) {
      try {
        await act([item]);
        done.push(item);
        isAway(undefined);
      } catch (error) {
        failure = error;
        if (isAway(error)) break;
      }
    }
    return { done, failure };
  }
}

export interface Swept {
  /** Sessions, and staging areas without one, that were removed. */
  uploads: number;
  /** What these had in staging. */
  bytes: number;
  /** Whether another step has something to look at; the first one after a whole round begins the next. */
  more: boolean;
}

/** Also what was written while a clock was ahead. */
const isOld = (changedAt: number, before: number) => changedAt < before || changedAt > Date.now() + aheadMs;

/** One part of a step; `failure` is why something was left, although the rest was done. */
type Step = Swept & { failure: unknown };

/**
 * Makes the function that does one step of the sweep. It ends sessions without activity since `before` (ms; lesson 52:
 * by last activity, not by age) with whatever a crash left of them, and removes staging areas of the same age that no
 * session knows: their row was lost in a power cut. A step looks at no more than `limit` of each.
 *
 * A session's row is told of an activity when a request ends, which can take hours: the claim, and the time at which
 * its staging area changed, say whether somebody is at work.
 */
export function createSweep(
  db: Database,
  store: BlobStore,
  {
    now = Date.now,
    claims = createLocalClaims(),
    holders = withoutNodes(db),
    ended = () => {},
  }: { now?: () => number; claims?: UploadClaims; holders?: Holders; ended?: (upload: string) => void } = {},
): (before: number, limit?: number) => Promise<Swept> {
  let areas: AsyncIterator<StagingArea & { upload: string }> | undefined;

  async function isIdle({ id, active_at: activeAt }: UploadRow, before: number): Promise<boolean> {
    if (activeAt >= before) return false;
    const staged = await store.staged(id);
    return !staged || isOld(staged.changedAt, before);
  }

  /** Takes a session on which nobody works, and nobody did since; one that is alive is left at once to its next request. */
  async function takeIdle(id: string, before: number): Promise<{ row: UploadRow; leave(): Promise<void> } | undefined> {
    const release = await claims.claim(id);
    if (!release) return undefined;
    let row: UploadRow | undefined;
    const leave = async () => {
      if (row) await holders.giveBack(id, row.holder);
      release();
    };
    let idle = false;
    try {
      row = await holders.takeNow(id);
      idle = row !== undefined && (await isIdle(row, before));
    } finally {
      if (!idle) await leave();
    }
    return idle ? { row: row!, leave } : undefined;
  }

  async function sweepSessions(before: number, limit: number): Promise<Step> {
    await restartIdleness(db, now(), limit);
    const rows = await idleUploads(db, before, limit);
    const taken: { row: UploadRow; leave(): Promise<void> }[] = [];
    const left: string[] = [];
    let failure: unknown;
    const isAway = createAwayCount();
    try {
      for (const { id } of rows) {
        try {
          const idle = await takeIdle(id, before);
          if (idle) taken.push(idle);
          else left.push(id);
          isAway(undefined);
        } catch (error) {
          failure = error;
          left.push(id);
          if (isAway(error)) break;
        }
      }
      for (const { row } of taken) ended(row.id);
      const { done, failure: stuck } = await allOrEach(
        taken.map(({ row }) => row),
        (some) => endUploads(db, store, some),
      );
      failure ??= stuck;
      const ends = new Set(done.map(({ id }) => id));
      left.push(...taken.flatMap(({ row: { id } }) => (ends.has(id) ? [] : [id])));
    } finally {
      // Of those that were ended there is no row.
      for (const { leave } of taken) await leave();
    }
    // Otherwise the ones at work, or stuck, would be all that a step ever looks at.
    if (left.length > 0) await db.write((tx) => touchUploads(tx, left, before), { durable: false });
    const bytes = taken.reduce((sum, { row }) => sum + row.offset, 0);
    return { uploads: taken.length, bytes, more: rows.length === limit, failure };
  }

  async function sweepAreas(before: number, limit: number): Promise<Step> {
    areas ??= store.uploads()[Symbol.asyncIterator]();
    const old: (StagingArea & { upload: string })[] = [];
    let more = true;
    for (let looked = 0; looked < limit && more; looked++) {
      const next = await areas.next();
      if (next.done) more = false;
      else if (isOld(next.value.changedAt, before)) old.push(next.value);
    }
    if (!more) areas = undefined;
    const known = await knownUploads(
      db,
      old.map(({ upload }) => upload),
    );
    const step: Step = { uploads: 0, bytes: 0, more, failure: undefined };
    const isAway = createAwayCount();
    for (const { upload, size } of old) {
      const release = known.has(upload) ? undefined : await claims.claim(upload);
      if (!release) continue;
      try {
        await store.discard(upload, (keys) => keysInUse(db, keys));
        step.uploads++;
        step.bytes += size;
        isAway(undefined);
      } catch (error) {
        step.failure = error;
        if (isAway(error)) break;
      } finally {
        release();
      }
    }
    return step;
  }

  return async (before, limit = 100) => {
    const sessions = await sweepSessions(before, limit);
    const orphans = await sweepAreas(before, limit);
    const failure = sessions.failure ?? orphans.failure;
    if (failure !== undefined) throw failure;
    return {
      uploads: sessions.uploads + orphans.uploads,
      bytes: sessions.bytes + orphans.bytes,
      more: sessions.more || orphans.more,
    };
  };
}
