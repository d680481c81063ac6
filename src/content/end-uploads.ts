import type { Database } from '../database/index.ts';
import { parseDigest } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';
import { forgetBlobs, keysInUse, type PublishedBlob, recordLeftOver } from './store.ts';
import { deleteUpload, hasUpload, type UploadRow } from './upload-store.ts';

/**
 * Ends sessions without a blob, and removes their bytes; the caller has their claims, and calls for a session that is
 * gone, too: what it wrote meanwhile goes as well. One that another node took over stays as it is. Repeatable, and whole
 * at any crash: what was published and never recorded is recorded as something to delete when the rows go, or can be
 * found by its staging area; and staging areas without a row are swept. `unsettled`: requests that published them may
 * still be carried out.
 */
export async function endUploads(
  db: Database,
  store: BlobStore,
  rows: readonly UploadRow[],
  unsettled = false,
): Promise<void> {
  if (rows.length === 0) return;
  const published = new Map<string, PublishedBlob[]>();
  for (const row of rows) {
    published.set(row.id, await publishedBy(store, row));
    // Without a staging area, nothing else leads to what may have been published.
    if (row.closing !== null && row.offset === 0) await store.keepForSweep?.(row.id);
  }
  const ended = await db.write(
    async (tx) => {
      const gone: string[] = [];
      const leftOver: { id: number; key: string }[] = [];
      for (const { id, holder } of rows) {
        // Waits for a commit whose answer was lost: it may still record the object.
        if (!(await deleteUpload(tx, id, holder)) && (await hasUpload(tx, id))) continue;
        gone.push(id);
        for (const blob of published.get(id)!) {
          const recorded = await recordLeftOver(tx, blob);
          if (recorded) leftOver.push(recorded);
        }
      }
      return { gone, leftOver };
    },
    // A row must not come back after its acknowledged bytes are gone.
    { durable: rows.some(({ offset }) => offset > 0) },
  );
  for (const id of ended.gone) await store.discard(id, (keys) => keysInUse(db, keys), unsettled);
  if (ended.leftOver.length === 0) return;
  await store.remove(ended.leftOver.map(({ key }) => key));
  const ids = ended.leftOver.map(({ id }) => id);
  await db.write((tx) => forgetBlobs(tx, ids), { durable: false });
}

/** Objects of a session that nobody may have recorded. */
async function publishedBy(store: BlobStore, { id, closing, digest }: UploadRow): Promise<PublishedBlob[]> {
  const found = new Map<string, PublishedBlob>();
  for (const named of [closing, digest]) {
    const known = named === null ? undefined : parseDigest(named);
    if (!known) continue;
    const blob = await store.published?.(id, known);
    if (blob) found.set(blob.key, { ...blob, digest: known, now: Date.now() });
  }
  return [...found.values()];
}
