import type { Database } from '../database/index.ts';
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
 * left of them: the staging area, and an object that was published but never recorded. Staging areas without a
 * session (their row was not yet durable when the power went) go by the same age.
 */
export async function sweepUploads(db: Database, store: BlobStore, before: number, limit = 100): Promise<number> {
  let swept = 0;
  for (const { id } of await idleUploads(db, before, limit)) {
    await removeLeftovers(db, store, id);
    await db.write((tx) => deleteUpload(tx, id));
    swept++;
  }
  for await (const { upload, changedAt } of store.staged()) {
    if (changedAt >= before || (await findUpload(db, upload))) continue;
    await removeLeftovers(db, store, upload);
    swept++;
  }
  return swept;
}

async function removeLeftovers(db: Database, store: BlobStore, upload: string): Promise<void> {
  await store.discard(upload);
  for (const key of await store.publishedBy(upload)) {
    if (!(await keyInUse(db, key))) await store.remove(key);
  }
}
