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
  /** What this process has of the budgets of limits, by the limit. */
  readonly shares: Pick<LRUCache<string, Share>, 'get' | 'set' | 'delete' | 'keys'>;
  /** Slices that are being asked for. */
  asking: number;
}

export interface Seen {
  used: number;
  /** When, by `performance.now()`. */
  at: number;
}

/** What a process knows of a limit and its budget, see storage-slices.ts. */
export interface Share {
  /** The limit as it was then (bytes). */
  limit: number;
  /** Whether nothing was pushed from here that the budget does not know of. */
  isKnown: boolean;
  slice: Slice | undefined;
  /** Those for which there was no slice, or little of it. */
  pushes: number;
  /** Ends when the slice that is asked for is there, or was not to be had. */
  asking: Promise<void> | undefined;
  /** No slice is asked for before (by `performance.now()`). */
  notBefore: number;
}

/** A part of a budget that one process spends without asking. */
export interface Slice {
  /** Of the registry: 0. */
  repositoryId: number;
  /** Of the budget; once that has another one, nothing of this is good. */
  epoch: number;
  /** Bytes. */
  size: number;
  left: number;
}

/** Limits that a process remembers something of; of others it finds out again. */
const most = 10_000;

export function createStorageLimiter(of: StorageLimiter['of']): StorageLimiter {
  return { of, seen: new LRUCache({ max: most }), shares: new LRUCache({ max: most }), asking: 0 };
}

/**
 * To be called when the limits of a registry have changed: what this process pushed meanwhile, perhaps without any, is in
 * no budget, and has to be counted before it spends from one again.
 */
export function forgetLimits({ shares }: StorageLimiter, registryId: number): void {
  for (const key of Array.from(shares.keys())) if (registryOf(key) === registryId) shares.delete(key);
}

/** See `keyOf` of storage-levels.ts. */
const registryOf = (key: string): number => Number.parseInt(key, 10);
