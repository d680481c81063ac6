import type { Database } from '../database/index.ts';
import { parseDigest } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';
import { deleteUploads, keysInUse, settleUpload, type UploadRow } from './store.ts';

/**
 * Ends sessions without a blob, and removes their bytes; the caller has their claims. Repeatable, and whole at any
 * crash: what was published and never recorded becomes a staging area again, so that only staging areas are left when
 * the rows go, and those are swept.
 */
export async function endUploads(db: Database, store: BlobStore, rows: readonly UploadRow[]): Promise<void> {
  if (rows.length === 0) return;
  for (const row of rows) await recallUnrecorded(db, store, row);
  const ids = rows.map(({ id }) => id);
  // A row must not come back after its acknowledged bytes are gone.
  await db.write((tx) => deleteUploads(tx, ids), { durable: rows.some(({ offset }) => offset > 0) });
  for (const id of ids) await store.discard(id, (keys) => keysInUse(db, keys));
}

async function recallUnrecorded(db: Database, store: BlobStore, { id, closing, digest }: UploadRow): Promise<void> {
  for (const named of new Set([closing, digest])) {
    const published = named === null ? undefined : parseDigest(named);
    if (!published) continue;
    const key = store.keyOf(id, published);
    if ((await store.size(key)) === undefined) continue;
    await settleUpload(db, id);
    if (!(await keysInUse(db, [key])).has(key)) await store.unpublish(id, published);
  }
}
