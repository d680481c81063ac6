import type { Database } from '../database/index.ts';
import type { StorageLimiter } from './storage-limiter.ts';
import type { TagMutability } from './tag-mutability.ts';

/** What every catalog operation works with; made once, by `app/`. */
export interface Catalog {
  db: Database;
  /** Current time (ms). */
  now: () => number;
  /** How long something unreferenced is kept (ms); at least the longest upload. */
  gcDelayMs: number;
  /** Whether an index may name children that this repository does not hold. */
  sparseIndexes: boolean;
  /** How much may be stored; undefined where nothing is limited. */
  storageLimiter?: StorageLimiter | undefined;
  /** Which tags of a repository may move; all, where nothing is said. Asked only when one would. */
  tagMutability?: ((registryId: number, repository: string) => TagMutability | undefined) | undefined;
  /** Whether what is pushed to a repository is held until it has been looked at: it is told of as that then. */
  quarantines?: ((registryId: number, repository: string) => boolean) | undefined;
  /** What becomes of manifests of a registry that are deleted; undefined where its owner has never said. */
  softDelete?: ((registryId: number) => SoftDelete | undefined) | undefined;
  /** On whose behalf: kept with each move of a tag. Nobody in the background. */
  by?: Mover | undefined;
}

/** Whether manifests that are deleted are kept, and for how long what is kept (acr §4.6). */
export interface SoftDelete {
  enabled: boolean;
  retentionMs: number;
}

/** Who moved a tag. */
export interface Mover {
  id: string;
  name: string;
}

/** A repository that exists. */
export interface Repository {
  id: number;
  registryId: number;
  name: string;
  /** See attributes.ts, where it was read with the rest. */
  attributes?: number;
}

/*
 * Transactions lock rows in one order, so that two of them never wait for each other:
 *
 *   storage limits → repository as a name (hold-repository.ts) → blob → repository → links (and the registry's row of the
 *   blob) → manifests → tags → what is kept of deleted manifests → candidates (of manifests, of links, of the rest) →
 *   budgets of storage limits
 *
 * and rows of one kind in the order of their digests or names. Manifests reference each other without cycles, because
 * a digest cannot contain itself; a child is locked before its index. Rows of pulls are locked with the tag or manifest that
 * they are of, or, many together, in the order of `inLockOrder`.
 */
