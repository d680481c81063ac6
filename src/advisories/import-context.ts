import type { Database } from '../database/index.ts';

/** What imports work with. */
export interface ImportContext {
  db: Database;
  now(): number;
  /** Awaited between transactions: others get their turn. Throws where the work is to end. */
  rest(): Promise<void>;
  /** Told what is being done, for people; `records` were looked at. */
  progress?: ((what: string, records: number) => void) | undefined;
  /** An export may have far fewer records than are known. */
  force?: boolean | undefined;
  /** Most bytes that are fetched, or unpacked to a file. */
  maxBytes: number;
}
