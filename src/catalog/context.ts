import type { Database } from '../database/index.ts';

/** What every catalog operation works with; made once, by `app.ts`. */
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
}
