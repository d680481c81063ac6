import type { Database } from '../database/index.ts';
import { type Digest, parseDigest } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';
import { deleteUpload, deletingBlobs, findUpload, forgetBlob, idleUploads, keyInUse } from './store.ts';

/** Second phase of a delete: bytes first, then the row, so that a crash between repeats rather than leaks. */
export async function sweepDeleted(
  db: Database,
  store: BlobStore,
  limit = 100,
): Promise<{ blobs: number; bytes: number }> {
  const rows = await deletingBlobs(db, limit);
  let bytes = 0;
  for (const row of rows) {
    await store.remove(row.key);
    await db.write((tx) => forgetBlob(tx, row.id));
    bytes += row.size;
  }
  return { blobs: rows.length, bytes };
}

/**
 * Ends sessions without activity since `before` (ms; lesson 52: by last activity, not by age), with whatever a crash
 * left of them: the staging area, and an object that was published but never recorded. A session whose staging area
 * was written to since is left alone: its row is only told when a request ends. Looks at `limit` sessions at most.
 */
export async function sweepUploads(db: Database, store: BlobStore, before: number, limit = 100): Promise<number> {
  let swept = 0;
  for (const { id, closing } of await idleUploads(db, before, limit)) {
    const staged = await store.staged(id);
    if (staged && staged.changedAt >= before) continue;
    await removeLeftovers(db, store, id, closing === null ? undefined : parseDigest(closing));
    await db.write((tx) => deleteUpload(tx, id));
    swept++;
  }
  return swept;
}

/** Drops staging areas without a session, of the same age: their row was not durable yet when the power went. */
export async function sweepStaging(db: Database, store: BlobStore, before: number): Promise<number> {
  let swept = 0;
  for await (const { upload, changedAt } of store.uploads()) {
    if (changedAt >= before || (await findUpload(db, upload))) continue;
    await store.discard(upload);
    swept++;
  }
  return swept;
}

async function removeLeftovers(
  db: Database,
  store: BlobStore,
  upload: string,
  closing: Digest | undefined,
): Promise<void> {
  await store.discard(upload);
  if (!closing) return;
  const key = store.keyOf(upload, closing);
  if (!(await keyInUse(db, key))) await store.remove(key);
}
