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
  /** What was in use (bytes) when it was last read, by the limit. */
  readonly seen: Pick<LRUCache<string, Seen>, 'get' | 'set'>;
  /** Most connections of PostgreSQL, once it has said so. */
  connections: number | undefined;
}

export interface Seen {
  used: number;
  /** When, by `performance.now()`. */
  at: number;
}

/** Limits that a process remembers the use of; of others it finds out again. */
const mostSeen = 10_000;

export function createStorageLimiter(of: StorageLimiter['of']): StorageLimiter {
  return { of, seen: new LRUCache({ max: mostSeen }), connections: undefined };
}
