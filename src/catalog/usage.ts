import type { LookUps, Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

/** What a registry or a repository takes up. Blobs count once in each, however many repositories have them. */
export interface StorageUsage {
  blobs: number;
  /** Bytes of these blobs. */
  blobBytes: number;
  /** Those of a repository that no other one of the registry has. */
  ownBytes: number;
  manifests: number;
  manifestBytes: number;
}

interface Row {
  blobs: number;
  blob_bytes: number;
  own_bytes: number;
  manifests: number;
  manifest_bytes: number;
}

const columns = ['blobs', 'blob_bytes', 'own_bytes', 'manifests', 'manifest_bytes'] as const;

/** One statement, so that all shards are of one moment. */
const sums = `SELECT ${columns.map((name) => `COALESCE(SUM(${name}), 0) AS ${name}`).join(', ')}
  FROM storage_usage WHERE registry_id = ? AND repository_id = ?`;

/** Of a registry, as it is committed now. */
export function registryUsage({ db }: Catalog, registryId: number): Promise<StorageUsage> {
  return usageOf(db, registryId, 0);
}

/** Of a repository, as it is committed now. */
export function repositoryUsage(
  { db }: Catalog,
  { id, registryId }: { id: number; registryId: number },
): Promise<StorageUsage> {
  return usageOf(db, registryId, id);
}

/** Of a repository, or of the registry itself where that is 0. */
export async function usageOf(db: LookUps, registryId: number, repositoryId: number): Promise<StorageUsage> {
  const row = await db.first<Row>(sums, [registryId, repositoryId]);
  return {
    blobs: row!.blobs,
    blobBytes: row!.blob_bytes,
    ownBytes: row!.own_bytes,
    manifests: row!.manifests,
    manifestBytes: row!.manifest_bytes,
  };
}

export const bytesOf = ({ blobBytes, manifestBytes }: StorageUsage): number => blobBytes + manifestBytes;

export const nothingStored: StorageUsage = { blobs: 0, blobBytes: 0, ownBytes: 0, manifests: 0, manifestBytes: 0 };

/** Adds to what is counted, as the triggers do; on PostgreSQL by their function, so that nobody waits for it. */
export function addUsage(
  { db }: Catalog,
  tx: Transaction,
  { registryId, repositoryId }: { registryId: number; repositoryId: number },
  { blobs, blobBytes, ownBytes, manifests, manifestBytes }: StorageUsage,
): void {
  const values = [registryId, repositoryId, blobs, blobBytes, ownBytes, manifests, manifestBytes];
  if (db.dialect === 'postgres') {
    tx.send('SELECT storage_add(?, ?, ?, ?, ?, ?, ?)', values);
    return;
  }
  tx.send(
    `INSERT INTO storage_usage (registry_id, repository_id, shard, ${columns.join(', ')})
      VALUES (?, ?, 0, ?, ?, ?, ?, ?) ON CONFLICT (registry_id, repository_id, shard)
      DO UPDATE SET ${columns.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`,
    values,
  );
}
