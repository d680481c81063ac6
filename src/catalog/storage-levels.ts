import type { LookUps } from '../database/index.ts';
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

const statements = {
  registry: `SELECT COALESCE(SUM(blob_bytes + manifest_bytes), 0) AS used FROM storage_usage
    WHERE registry_id = ? AND repository_id = 0`,
  repository: `SELECT COALESCE(SUM(blob_bytes + manifest_bytes), 0) AS used FROM storage_usage
    WHERE registry_id = ? AND repository_id = (SELECT r.id FROM repositories r WHERE r.registry_id = ? AND r.name = ?)`,
};

/** Bytes that count against a limit. */
export async function usedAt(db: LookUps, { level, registryId, name }: Level): Promise<number> {
  const values = level === 'registry' ? [registryId] : [registryId, registryId, name];
  return (await db.first<{ used: number }>(statements[level], values))!.used;
}
