import type { Database } from '../database/index.ts';
import type { Catalog } from './context.ts';
import { bytesOf, type StorageUsage, usageColumns, usageFrom, usageOf, type UsageRow } from './usage.ts';
import './tables.ts';

export interface RepositorySize extends StorageUsage {
  id: number;
  name: string;
}

/** Rows that one statement reads. */
const step = 1000;

interface Row extends UsageRow {
  repository_id: number;
}

/**
 * The largest repositories of a registry, at most `most`. Which they are is read step by step, so that nobody waits for it
 * and little is kept. How large they are is exact.
 */
export async function largestRepositories(
  { db }: Catalog,
  registryId: number,
  most: number,
): Promise<RepositorySize[]> {
  const pending = await pendingBytes(db, registryId);
  // Those that have no sum yet.
  let largest = [...pending].map(([id, bytes]) => ({ id, bytes }));
  for (let last = 0; ;) {
    const rows = await db.all<Row>(
      `SELECT repository_id, ${usageColumns.join(', ')} FROM storage_usage WHERE registry_id = ? AND repository_id > ?
        ORDER BY repository_id LIMIT ${step}`,
      [registryId, last],
    );
    const found = rows.map((row) => {
      const id = row.repository_id;
      return { id, bytes: bytesOf(usageFrom(row)) + (pending.get(id) ?? 0) };
    });
    const summed = new Set(found.map(({ id }) => id));
    largest = [...largest.filter(({ id }) => !summed.has(id)), ...found]
      .toSorted((one, other) => other.bytes - one.bytes)
      .slice(0, most);
    if (rows.length < step) break;
    last = rows.at(-1)!.repository_id;
    // SQLite answers without the event loop turning.
    await new Promise(setImmediate);
  }
  const sizes: RepositorySize[] = [];
  for (const { id } of largest) {
    // Deleted ones have no name any more, and are on their way out.
    const row = await db.first<{ name: string }>('SELECT name FROM repositories WHERE id = ? AND listed < 2', [id]);
    if (row) sizes.push({ id, name: row.name, ...(await usageOf(db, db.dialect, registryId, id)) });
  }
  return sizes.toSorted((one, other) => bytesOf(other) - bytesOf(one));
}

/** What was added in the last moments, by repository; see fold-storage.ts. */
async function pendingBytes(db: Database, registryId: number): Promise<Map<number, number>> {
  if (db.dialect === 'sqlite') return new Map();
  const rows = await db.all<{ repository_id: number; bytes: number }>(
    `SELECT repository_id, SUM(blob_bytes + manifest_bytes) AS bytes FROM storage_deltas
      WHERE registry_id = ? AND repository_id > 0 GROUP BY repository_id`,
    [registryId],
  );
  return new Map(rows.map((row) => [row.repository_id, row.bytes]));
}
