export type { Bucket } from './bucket.ts';
export { type Buckets, type BucketsOptions, createBuckets } from './buckets.ts';
export type { BucketShape } from './exchange.ts';
export type { Permits } from './permits.ts';
export type { BucketKey } from './store.ts';
