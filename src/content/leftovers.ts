import type { Database } from '../database/index.ts';
import { parseDigest } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';
import { keysInUse, type UploadRow } from './store.ts';

/**
 * Removes the bytes of a session that ends without a blob: its staging area, and an object that was published but
 * never recorded. Its row says under which digests that can be. Repeatable.
 */
export async function removeLeftovers(
  db: Database,
  store: BlobStore,
  { id, closing, digest }: Pick<UploadRow, 'id' | 'closing' | 'digest'>,
): Promise<void> {
  await store.discard(id);
  for (const named of new Set([closing, digest])) {
    const published = named === null ? undefined : parseDigest(named);
    if (!published) continue;
    const key = store.keyOf(id, published);
    if ((await store.size(key)) === undefined) continue;
    if (!(await keysInUse(db, [key])).has(key)) await store.remove([key]);
  }
}
