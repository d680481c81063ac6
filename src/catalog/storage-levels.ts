import type { LookUps } from '../database/index.ts';
import type { Catalog } from './context.ts';
import type { LimitLevel } from './storage-limiter.ts';
import { bytesOf, usageOf } from './usage.ts';
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

/** Bytes that count against a limit. In a transaction, its own changes are among them. */
export async function usedAt(
  { db: { dialect } }: Catalog,
  db: Pick<LookUps, 'first'>,
  { level, registryId, name }: Level,
): Promise<number> {
  if (level === 'registry') return bytesOf(await usageOf(db, dialect, registryId, 0));
  const text = 'SELECT id FROM repositories WHERE registry_id = ? AND name = ?';
  const repository = await db.first<{ id: number }>(text, [registryId, name]);
  return repository ? bytesOf(await usageOf(db, dialect, registryId, repository.id)) : 0;
}
