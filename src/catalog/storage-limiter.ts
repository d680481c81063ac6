import { LRUCache } from 'lru-cache';

/** How much may be stored (bytes); undefined: without a limit. */
export interface StorageLimits {
  registry?: number | undefined;
  /** Of each repository by itself. */
  repository(name: string): number | undefined;
}

export type LimitLevel = 'registry' | 'repository';

/** The limits of a catalog, handed in as data. */
export interface StorageLimiter {
  /** Undefined where nothing of the registry is limited, which costs nothing then. */
  of(registryId: number): StorageLimits | undefined;
  /** Limits that were found nearly reached: whoever pushes there takes turns, see storage-space.ts. */
  readonly crowded: Pick<LRUCache<string, true>, 'has' | 'set' | 'delete'>;
  /** Most connections of PostgreSQL, once it has said so. */
  connections: number | undefined;
}

/** Nearly reached limits that a process remembers; of others it finds out again. */
const mostCrowded = 10_000;

export function createStorageLimiter(of: StorageLimiter['of']): StorageLimiter {
  return { of, crowded: new LRUCache({ max: mostCrowded }), connections: undefined };
}
