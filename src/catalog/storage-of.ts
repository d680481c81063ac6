import type { Digest } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import { repositoryUsage } from './usage.ts';
import './tables.ts';

/** Bytes of something. What is neither is not stored: a layer that clients fetch from elsewhere. */
export interface StorageShares {
  /** What would become free if it alone were deleted. */
  uniqueBytes: number;
  /** What others of the registry have, too. */
  sharedBytes: number;
}

/** As many references as a manifest may have. */
const mostReferences = 10_000;

/** Of a repository: other repositories of its registry are the others. Two look-ups, however much is in it. */
export async function repositoryStorage(catalog: Catalog, repository: Repository): Promise<StorageShares> {
  const { blobBytes, ownBytes, manifestBytes } = await repositoryUsage(catalog, repository);
  return { uniqueBytes: ownBytes + manifestBytes, sharedBytes: blobBytes - ownBytes };
}

/**
 * Of a manifest with the blobs that it names: other manifests of its repository, and other repositories, are the others.
 * What an index lists are manifests of their own, and stay when it goes. Undefined where there is none.
 */
export async function manifestStorage(
  { db }: Catalog,
  { id }: Repository,
  digest: Digest,
): Promise<StorageShares | undefined> {
  // Look-ups for each reference: as joins, PostgreSQL may take them from the other side.
  const [manifest, blobs] = await Promise.all([
    db.first<{ size: number }>('SELECT size FROM manifests WHERE repository_id = ? AND digest = ?', [id, digest]),
    db.all<{ size: number | null; links: number | null; other: string | null }>(
      `SELECT
          (SELECT l.size FROM blob_links l WHERE l.repository_id = f.repository_id AND l.digest = f.digest) AS size,
          (SELECT b.links FROM registry_blobs b WHERE b.digest = f.digest AND b.registry_id = f.registry_id) AS links,
          (SELECT o.manifest_digest FROM manifest_references o WHERE o.digest = f.digest
            AND o.repository_id = f.repository_id AND o.manifest_digest <> f.manifest_digest
            ORDER BY o.manifest_digest LIMIT 1) AS other
        FROM manifest_references f WHERE f.repository_id = ? AND f.manifest_digest = ? LIMIT ?`,
      [id, digest, mostReferences],
    ),
  ]);
  if (!manifest) return undefined;
  const shares = { uniqueBytes: manifest.size, sharedBytes: 0 };
  for (const { size, links, other } of blobs)
    shares[links === 1 && other === null ? 'uniqueBytes' : 'sharedBytes'] += size ?? 0;
  return shares;
}

/** Of a tag with its manifest. Where that has another tag, nothing of it is the tag's alone. */
export async function tagStorage(
  catalog: Catalog,
  repository: Repository,
  { name, digest }: { name: string; digest: Digest },
): Promise<StorageShares | undefined> {
  const [shares, other] = await Promise.all([
    manifestStorage(catalog, repository, digest),
    catalog.db.first('SELECT name FROM tags WHERE digest = ? AND repository_id = ? AND name <> ? LIMIT 1', [
      digest,
      repository.id,
      name,
    ]),
  ]);
  if (!shares || !other) return shares;
  return { uniqueBytes: 0, sharedBytes: shares.uniqueBytes + shares.sharedBytes };
}
