import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import { deleteManifest } from './delete-manifest.ts';
import './tables.ts';

/** Told of what is gone, as it goes. */
export interface Deletions {
  manifest(digest: Digest): void;
  tags(names: readonly string[]): void;
}

/** Manifests that are looked up at once. */
const batch = 100;

/**
 * Deletes some manifests of a repository that goes, after `last`, in the order of their digests; resolves with the last one
 * if there may be more. Whether anything keeps it was asked before.
 */
export async function deleteManifests(
  catalog: Catalog,
  repository: Repository,
  last = '',
  told?: Deletions,
): Promise<string | undefined> {
  const rows = await catalog.db.all<{ digest: Digest }>(
    `SELECT digest FROM manifests WHERE repository_id = ? AND digest > ? ORDER BY digest LIMIT ${batch}`,
    [repository.id, last],
  );
  for (const { digest } of rows) {
    try {
      // Indexes go too, in whatever order.
      await deleteManifest({ ...catalog, sparseIndexes: true }, repository, digest, {
        removed: told?.tags,
        evenLocked: true,
      });
      told?.manifest(digest);
    } catch (error) {
      // A referrer may have gone with its subject, and anything by another request.
      if (!(error instanceof RegistryError) || error.code !== 'MANIFEST_UNKNOWN') throw error;
    }
  }
  return rows.length < batch ? undefined : rows.at(-1)!.digest;
}
