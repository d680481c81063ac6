import type { Dialect, LookUps } from '../database/index.ts';
import type { Catalog } from './context.ts';
import type { LimitLevel } from './storage-limiter.ts';
import './tables.ts';

/** A limit that concerns a push. */
export interface Level {
  level: LimitLevel;
  registryId: number;
  /** Of the repository that is pushed to; it may not be there yet. */
  name: string;
  /** Bytes. */
  limit: number;
}

/** The limits that concern a push into a repository; the registry's first. */
export function levelsOf({ storageLimiter }: Catalog, registryId: number, name: string): Level[] {
  const limits = storageLimiter?.of(registryId);
  if (!limits) return [];
  const all = { registry: limits.registry, repository: limits.repository(name) };
  return (['registry', 'repository'] as const).flatMap((level) => {
    const limit = all[level];
    return limit === undefined ? [] : [{ level, registryId, name, limit }];
  });
}

/** Bytes that count against one limit, as `usage.ts` reads them; `?` stands for the registry, `of` for the repository. */
function usedIn(dialect: Dialect, of: string): string {
  if (dialect === 'sqlite') {
    return `COALESCE((SELECT blob_bytes + manifest_bytes FROM storage_usage
      WHERE registry_id = ? AND repository_id = ${of}), 0)`;
  }
  const folded = (column: string) =>
    `SELECT ${column} FROM storage_usage WHERE registry_id = ? AND repository_id = ${of} ORDER BY folded_to DESC LIMIT 1`;
  const foldedTo = folded(
    'CASE WHEN folded_to <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN folded_to ELSE 0 END',
  );
  return `COALESCE((${folded('blob_bytes + manifest_bytes')}), 0)
    + COALESCE((SELECT SUM(d.blob_bytes + d.manifest_bytes) FROM storage_deltas d
      WHERE d.registry_id = ? AND d.repository_id = ${of} AND d.xid + 0 >= COALESCE((${foldedTo}), 0)), 0)`;
}

const named = '(SELECT r.id FROM repositories r WHERE r.registry_id = ? AND r.name = ?)';

/** Bytes that count against each of these limits, by one statement. In a transaction, its own changes are among them. */
export async function usedAt(
  { db: { dialect } }: Catalog,
  db: Pick<LookUps, 'first'>,
  levels: readonly Level[],
): Promise<number[]> {
  const times = dialect === 'sqlite' ? 1 : 3;
  const columns = levels.map(({ level }) => `${usedIn(dialect, level === 'registry' ? '0' : named)} AS ${level}`);
  const values = levels.flatMap(({ level, registryId, name }) => {
    const once = level === 'registry' ? [registryId] : [registryId, registryId, name];
    return Array.from({ length: times }, () => once).flat();
  });
  const row = await db.first<Record<LimitLevel, number>>(`SELECT ${columns.join(', ')}`, values);
  return levels.map(({ level }) => row![level]);
}

/** The same of what is committed, which the limiter remembers. */
export async function lookAt(
  catalog: Catalog,
  db: Pick<LookUps, 'first'>,
  levels: readonly Level[],
): Promise<number[]> {
  const used = await usedAt(catalog, db, levels);
  const at = performance.now();
  for (const [n, level] of levels.entries()) catalog.storageLimiter?.seen.set(keyOf(level), { used: used[n]!, at });
  return used;
}

/** What a limit is of. */
export const keyOf = ({ level, registryId, name }: Level): string =>
  level === 'registry' ? `${registryId}` : `${registryId} ${name}`;
