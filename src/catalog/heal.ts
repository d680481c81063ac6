import { lockBlob, markDeleting } from '../content/index.ts';
import type { Digest } from '../oci/index.ts';
import { addCandidates } from './candidates.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

/**
 * Forgets a blob whose object turned out to be missing under `key`, with all its links, so that clients are told to
 * push it again and the push heals every manifest that names it. Nothing happens when the digest has another object by
 * now. Returns the number of links removed.
 */
export async function dropMissingBlob(catalog: Catalog, digest: Digest, key: string): Promise<number> {
  const { db } = catalog;
  return db.write(async (tx) => {
    const blob = await lockBlob(tx, digest);
    const query = tx
      .selectFrom('blob_links')
      .select(['repository_id', 'registry_id'])
      .where('digest', '=', digest)
      .where('key', '=', key)
      .orderBy('repository_id');
    const links = await db.forUpdate(query).execute();
    await tx.deleteFrom('blob_links').where('digest', '=', digest).where('key', '=', key).execute();
    for (const link of links) {
      addCandidates(catalog, tx, { id: link.repository_id, registryId: link.registry_id }, 'repository', ['']);
    }
    if (blob?.key === key) await markDeleting(tx, digest);
    return links.length;
  });
}
