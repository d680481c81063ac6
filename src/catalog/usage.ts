import type { Database, Dialect, Transaction } from '../database/index.ts';
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

export interface UsageRow {
  blobs: number;
  blob_bytes: number;
  own_bytes: number;
  manifests: number;
  manifest_bytes: number;
}

export const usageColumns = ['blobs', 'blob_bytes', 'own_bytes', 'manifests', 'manifest_bytes'] as const;

const each = (render: (column: string) => string): string => usageColumns.map(render).join(', ');

/**
 * One statement, so that what is summed up and what is yet to be are of one moment. Deltas before `folded_to` are in the
 * sum; they are not looked at, because on PostgreSQL rows that were deleted may be in the way for as long as a dump runs.
 * A sum from beyond the numbers of this server comes from a dump of another one.
 */
const statements: Record<Dialect, string> = {
  sqlite: `SELECT ${each((name) => `COALESCE(SUM(${name}), 0) AS ${name}`)} FROM storage_usage
    WHERE registry_id = ? AND repository_id = ?`,
  postgres: `WITH folded AS (
      SELECT folded_to, ${usageColumns.join(', ')} FROM storage_usage WHERE registry_id = ? AND repository_id = ?
      ORDER BY folded_to DESC LIMIT 1
    ) SELECT ${each((name) => `COALESCE(SUM(d.${name}), 0) + COALESCE((SELECT ${name} FROM folded), 0) AS ${name}`)}
    FROM storage_deltas d WHERE d.registry_id = ? AND d.repository_id = ? AND d.xid + 0 >= COALESCE((SELECT folded_to FROM folded
      WHERE folded_to <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint), 0)`,
};

/** Takes registry and repository; on PostgreSQL twice. */
export const usageStatement = (dialect: Dialect): string => statements[dialect];

/** Of a registry, as it is now. */
export function registryUsage(
  { db }: Catalog,
  registryId: number,
  reader: Pick<Database, 'first'> = db,
): Promise<StorageUsage> {
  return usageOf(reader, db.dialect, registryId, 0);
}

/** Of a repository, as it is now. */
export function repositoryUsage(
  { db }: Catalog,
  { id, registryId }: { id: number; registryId: number },
): Promise<StorageUsage> {
  return usageOf(db, db.dialect, registryId, id);
}

/** Of a repository, or of the registry itself where that is 0. In a transaction, its own changes are in it. */
export async function usageOf(
  db: Pick<Database, 'first'>,
  dialect: Dialect,
  registryId: number,
  repositoryId: number,
): Promise<StorageUsage> {
  const of = [registryId, repositoryId];
  const row = await db.first<UsageRow>(statements[dialect], dialect === 'sqlite' ? of : [...of, ...of]);
  return usageFrom(row!);
}

export function usageFrom(row: UsageRow): StorageUsage {
  return {
    blobs: row.blobs,
    blobBytes: row.blob_bytes,
    ownBytes: row.own_bytes,
    manifests: row.manifests,
    manifestBytes: row.manifest_bytes,
  };
}

export const bytesOf = ({ blobBytes, manifestBytes }: StorageUsage): number => blobBytes + manifestBytes;

export const nothingStored: StorageUsage = { blobs: 0, blobBytes: 0, ownBytes: 0, manifests: 0, manifestBytes: 0 };

/** Adds to what is counted, as the triggers do. */
export function addUsage(
  { db }: Catalog,
  tx: Transaction,
  { registryId, repositoryId }: { registryId: number; repositoryId: number },
  { blobs, blobBytes, ownBytes, manifests, manifestBytes }: StorageUsage,
): void {
  const into = (table: string) => `INSERT INTO ${table} (registry_id, repository_id, ${usageColumns.join(', ')})
    VALUES (?, ?, ?, ?, ?, ?, ?)`;
  const text =
    db.dialect === 'postgres'
      ? into('storage_deltas')
      : `${into('storage_usage')} ON CONFLICT (registry_id, repository_id)
          DO UPDATE SET ${each((name) => `${name} = ${name} + excluded.${name}`)}`;
  tx.send(text, [registryId, repositoryId, blobs, blobBytes, ownBytes, manifests, manifestBytes]);
}
