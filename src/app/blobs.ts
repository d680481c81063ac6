import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Configuration } from '../configuration.ts';
import { atDataDirectory, type BlobStore, createFileStore, createS3Store } from '../content/index.ts';

/** Whether anything is kept in the data directory. With PostgreSQL and S3 there need not be one. */
export function usesData({ database, storage }: Configuration): boolean {
  return database.url === undefined || storage.s3.bucket === undefined;
}

/** Opens the bytes where the configuration has them; what ends the connections to them is deferred to `stack`. */
export async function openBlobs(
  config: Configuration,
  stack: DisposableStack | AsyncDisposableStack,
): Promise<BlobStore> {
  const data = resolve(config.data);
  const { bucket, partSize, presignedReads, requestTimeout, ...s3 } = config.storage.s3;
  if (bucket === undefined) return atDataDirectory(data, () => createFileStore(data));
  const store = await createS3Store({
    ...s3,
    bucket,
    partBytes: partSize,
    requestTimeoutMs: requestTimeout,
    presignedSeconds: presignedReads.enabled ? Math.floor(presignedReads.expiry / 1000) : undefined,
    spools: usesData(config) ? join(data, 'spool') : tmpdir(),
  });
  stack.defer(() => store.close());
  return store;
}
