import type { Catalog } from './context.ts';
import { type StorageUsage, usageColumns, usageFrom, type UsageRow, usageStatement } from './usage.ts';
import './tables.ts';

const own = `CASE WHEN (SELECT b.links FROM registry_blobs b WHERE b.digest = l.digest AND b.registry_id = l.registry_id) = 1
  THEN l.size ELSE 0 END`;

/** Also of those that were deleted and are kept. */
const manifestBytes = `(SELECT COALESCE(SUM(l.size), 0) FROM manifests l WHERE @)
      + (SELECT COALESCE(SUM(l.size), 0) FROM deleted_manifests l WHERE @) AS manifest_bytes`;

/** What there is, without what is counted; `@` stands for which. */
const ofRepository = `SELECT
    (SELECT COUNT(*) FROM blob_links l WHERE @) AS blobs,
    (SELECT COALESCE(SUM(l.size), 0) FROM blob_links l WHERE @) AS blob_bytes,
    (SELECT COALESCE(SUM(${own}), 0) FROM blob_links l WHERE @) AS own_bytes,
    (SELECT COUNT(*) FROM manifests l WHERE @) AS manifests,
    ${manifestBytes}`.replaceAll('@', 'l.repository_id = ?');
const ofRegistry = `SELECT
    (SELECT COUNT(*) FROM registry_blobs l WHERE @) AS blobs,
    (SELECT COALESCE(SUM(l.size), 0) FROM registry_blobs l WHERE @) AS blob_bytes,
    0 AS own_bytes,
    (SELECT COUNT(*) FROM manifests l WHERE @) AS manifests,
    ${manifestBytes}`.replaceAll('@', 'l.registry_id = ?');

/**
 * By how much what is counted differs from what there is, as of one moment. Reads all of a repository, or of a registry
 * (repository 0): for `fsck`, where something was found to be wrong.
 */
export async function recount({ db }: Catalog, registryId: number, repositoryId: number): Promise<StorageUsage> {
  const [text, parameters] =
    repositoryId === 0 ? [ofRegistry, Array(5).fill(registryId)] : [ofRepository, Array(6).fill(repositoryId)];
  const of = [registryId, repositoryId];
  const row = await db.first<UsageRow>(
    `SELECT ${usageColumns.map((name) => `found.${name} - counted.${name} AS ${name}`).join(', ')}
      FROM (${text}) found, (${usageStatement(db.dialect)}) counted`,
    [...parameters, ...of, ...(db.dialect === 'sqlite' ? [] : of)],
  );
  return usageFrom(row!);
}
