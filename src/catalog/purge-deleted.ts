import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Catalog } from './context.ts';
import { deleteKept, dropTags, forgetReferences, releaseLinks, retentionOf } from './keep-deleted.ts';
import './tables.ts';

/** Kept manifests that one round forgets, and registries that it looks at. */
const mostOfRound = 100;

interface Kept {
  registry_id: number;
  repository_id: number;
  digest: string;
}

export interface Purged {
  manifests: number;
  /** The registry to go on behind: 0 once all have been looked at. */
  from: number;
  /** Whether there may be more to do at once. */
  more: boolean;
}

/**
 * One round of forgetting deleted manifests that have been kept for as long as their registry says now (acr §4.6), the
 * oldest first. What they alone named is collected as ever, after `gc.delay`. `from`: what the round before gave.
 */
export async function purgeDeleted(catalog: Catalog, from = 0): Promise<Purged> {
  let registryId = from;
  for (let looked = 0; looked < mostOfRound; looked++) {
    const oldest = await catalog.db.first<{ registry_id: number; deleted_at: number }>(
      `SELECT registry_id, deleted_at FROM deleted_manifests WHERE registry_id > ?
        ORDER BY registry_id, deleted_at LIMIT 1`,
      [registryId],
    );
    if (!oldest) return { manifests: 0, from: 0, more: false };
    const until = catalog.now() - retentionOf(catalog, oldest.registry_id);
    const manifests = oldest.deleted_at <= until ? await purgeSome(catalog, oldest.registry_id, until) : 0;
    // Of one that may have more, the next round begins with the rest.
    if (manifests === mostOfRound) return { manifests, from: registryId, more: true };
    registryId = oldest.registry_id;
    if (manifests > 0) return { manifests, from: registryId, more: true };
  }
  return { manifests: 0, from: registryId, more: true };
}

/** Forgets some of what is kept of a registry, the oldest first; returns how much that was. */
export async function purgeSome(catalog: Catalog, registryId: number, until: number): Promise<number> {
  const rows = await catalog.db.all<Kept>(
    `SELECT registry_id, repository_id, digest FROM deleted_manifests WHERE registry_id = ? AND deleted_at <= ?
      ORDER BY deleted_at, repository_id, digest LIMIT ${mostOfRound}`,
    [registryId, until],
  );
  for (const row of rows) await purgeOne(catalog, row, until);
  return rows.length;
}

/**
 * Forgets a deleted manifest now, whenever it would have gone; of every repository that had the name. MANIFEST_UNKNOWN
 * where it is not kept.
 */
export async function purgeManifest(
  catalog: Catalog,
  registryId: number,
  repository: string,
  digest: Digest,
): Promise<void> {
  const rows = await catalog.db.all<Kept>(
    `SELECT registry_id, repository_id, digest FROM deleted_manifests
      WHERE registry_id = ? AND repository = ? AND digest = ? ORDER BY repository_id`,
    [registryId, repository, digest],
  );
  let purged = false;
  for (const row of rows) purged = (await purgeOne(catalog, row)) || purged;
  if (purged) return;
  throw new RegistryError('MANIFEST_UNKNOWN', {
    message: 'no such manifest is kept as deleted in this repository',
    detail: { digest },
  });
}

/** False where it was restored, pushed, purged or deleted anew meanwhile. */
async function purgeOne(
  catalog: Catalog,
  { registry_id: registryId, repository_id: id, digest }: Kept,
  until?: number,
): Promise<boolean> {
  const { db } = catalog;
  const purged = await db.write(async (tx) => {
    if ((await deleteKept(tx, id, digest, until)) === 0) return undefined;
    releaseLinks(catalog, tx, { id, registryId }, await forgetReferences(tx, id, digest));
    return { more: await dropTags(tx, id, digest) };
  });
  for (let more = purged?.more; more;) more = await db.write((tx) => dropTags(tx, id, digest));
  return purged !== undefined;
}
