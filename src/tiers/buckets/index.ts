export type { Bucket } from './bucket.ts';
export { type Buckets, createBuckets } from './buckets.ts';
export type { BucketShape } from './exchange.ts';
