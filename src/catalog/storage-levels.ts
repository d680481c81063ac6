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

const named = '(SELECT r.id FROM repositories r WHERE r.registry_id = ? AND r.name = ?)';

/** Where rows are that are kept for registries (as repository 0) and repositories: a condition, and its values. */
export function placeOf({ level, registryId, name }: Level): [condition: string, values: (number | string)[]] {
  return level === 'registry'
    ? ['registry_id = ? AND repository_id = 0', [registryId]]
    : [`registry_id = ? AND repository_id = ${named}`, [registryId, registryId, name]];
}

const texts: Record<Dialect, (of: string) => string> = {
  sqlite: (of) =>
    `COALESCE((SELECT blob_bytes + manifest_bytes FROM storage_usage WHERE registry_id = ? AND repository_id = ${of}), 0)`,
  postgres: (of) => `storage_used(?, ${of})`,
};

/** Bytes that count against each of these limits, by one statement. In a transaction, its own changes are among them. */
export async function usedAt(
  { db: { dialect } }: Catalog,
  db: Pick<LookUps, 'first'>,
  levels: readonly Level[],
): Promise<number[]> {
  const columns = levels.map(({ level }) => `${texts[dialect](level === 'registry' ? '0' : named)} AS ${level}`);
  const values = levels.flatMap(({ level, registryId, name }) =>
    level === 'registry' ? [registryId] : [registryId, registryId, name],
  );
  const row = await db.first<Record<LimitLevel, number>>(`SELECT ${columns.join(', ')}`, values);
  return levels.map(({ level }) => row![level]);
}

/** Has the limiter remember what is in use. */
export function remember({ storageLimiter }: Catalog, levels: readonly Level[], used: readonly number[]): void {
  const at = performance.now();
  for (const [n, level] of levels.entries()) storageLimiter?.seen.set(keyOf(level), { used: used[n]!, at });
}

/** What a limit is of. */
export const keyOf = ({ level, registryId, name }: Level): string =>
  level === 'registry' ? `${registryId}` : `${registryId} ${name}`;
