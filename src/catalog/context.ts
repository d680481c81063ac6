import type { Database } from '../database/index.ts';

/** What every catalog operation works with; made once, by `app/`. */
export interface Catalog {
  db: Database;
  /** Current time (ms). */
  now: () => number;
  /** How long something unreferenced is kept (ms); at least the longest upload. */
  gcDelayMs: number;
  /** Whether an index may name children that this repository does not hold. */
  sparseIndexes: boolean;
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
 *   repository as a name (hold-repository.ts) → blob → repository → links → manifests → tags → candidates (of manifests, of links, of the rest)
 *
 * and rows of one kind in the order of their digests or names. Manifests reference each other without cycles, because
 * a digest cannot contain itself; a child is locked before its index.
 */
