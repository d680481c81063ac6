import type { Bucket } from './buckets/index.ts';
import type { Level } from './refusal.ts';

/** What a request draws from a bucket. */
export interface Draw {
  level: Level;
  bucket: Bucket;
  /** How much; whoever finds one token may go into debt with the rest. */
  amount: number;
}
