import type { Database } from '../database/index.ts';
import type { BlobStore } from './blob-store.ts';
import { createLocalClaims, type UploadClaims } from './claims.ts';
import { removeLeftovers } from './leftovers.ts';
import {
  deleteUpload,
  deletingBlobs,
  forgetBlobs,
  idleUploads,
  knownUploads,
  touchUpload,
  type UploadRow,
} from './store.ts';

/** Second phase of a delete: bytes first, then the rows, so that a crash between repeats rather than leaks. */
export async function sweepDeleted(
  db: Database,
  store: BlobStore,
  limit = 100,
): Promise<{ blobs: number; bytes: number }> {
  const rows = await deletingBlobs(db, limit);
  if (rows.length === 0) return { blobs: 0, bytes: 0 };
  await store.remove(rows.map((row) => row.key));
  const ids = rows.map((row) => row.id);
  // A power cut that brings rows back costs no more than another look.
  await db.write((tx) => forgetBlobs(tx, ids), { durable: false });
  return { blobs: rows.length, bytes: rows.reduce((sum, row) => sum + row.size, 0) };
}

export interface Swept {
  /** Sessions, and staging areas without one, that were removed. */
  uploads: number;
  /** Whether another step has something to look at; the first one after a whole round begins the next. */
  more: boolean;
}

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
  { claims = createLocalClaims(), ended = () => {} }: { claims?: UploadClaims; ended?: (upload: string) => void } = {},
): (before: number, limit?: number) => Promise<Swept> {
  let areas: AsyncIterator<{ upload: string; changedAt: number }> | undefined;

  /** Runs `action` unless somebody is at work on the upload. */
  async function unlessBusy(upload: string, action: () => Promise<boolean>): Promise<boolean> {
    const release = await claims.claim(upload);
    if (!release) return false;
    try {
      return await action();
    } finally {
      release();
    }
  }

  async function endIdle(row: UploadRow, before: number): Promise<boolean> {
    const staged = await store.staged(row.id);
    if (staged && staged.changedAt >= before) return false;
    ended(row.id);
    await removeLeftovers(db, store, row);
    await db.write((tx) => deleteUpload(tx, row.id), { durable: false });
    return true;
  }

  async function sweepSessions(before: number, limit: number): Promise<Swept> {
    const rows = await idleUploads(db, before, limit);
    let uploads = 0;
    for (const row of rows) {
      if (await unlessBusy(row.id, () => endIdle(row, before))) uploads++;
      // Otherwise the ones at work would be all that a step ever looks at.
      else await db.write((tx) => touchUpload(tx, row.id, before), { durable: false });
    }
    return { uploads, more: rows.length === limit };
  }

  async function sweepAreas(before: number, limit: number): Promise<Swept> {
    areas ??= store.uploads()[Symbol.asyncIterator]();
    const old: string[] = [];
    let more = true;
    for (let looked = 0; looked < limit && more; looked++) {
      const next = await areas.next();
      if (next.done) more = false;
      else if (next.value.changedAt < before) old.push(next.value.upload);
    }
    if (!more) areas = undefined;
    const known = await knownUploads(db, old);
    let uploads = 0;
    for (const upload of old) {
      if (known.has(upload)) continue;
      const removed = await unlessBusy(upload, async () => {
        await store.discard(upload);
        return true;
      });
      if (removed) uploads++;
    }
    return { uploads, more };
  }

  return async (before, limit = 100) => {
    const sessions = await sweepSessions(before, limit);
    const orphans = await sweepAreas(before, limit);
    return { uploads: sessions.uploads + orphans.uploads, more: sessions.more || orphans.more };
  };
}
