import type { BlobStore } from '../blob-store.ts';
import { openS3Calls } from './calls.ts';
import type { S3Options } from './client.ts';
import { contentKey, idKey, nameKey, stateKey } from './keys.ts';
import { listObjects, listUploads, stagingArea } from './list.ts';
import { abortNamed, discardUpload, releaseUpload } from './end.ts';
import { openBody, readObject } from './read.ts';
import { resume, startNew } from './resume.ts';
import { createS3Staging } from './staging.ts';
import { keepForSweep, readState, sizeOf } from './state.ts';

export interface S3StoreOptions extends S3Options {
  /** Folder for the parts that are on their way. */
  spools: string;
  /** Bytes of one part, at least 5 MiB; a blob that fits into one is one PUT. */
  partBytes: number;
}

/**
 * Blobs as objects in a bucket. Everything is durable before a call returns, as S3 says so; nothing depends on which
 * process goes on with an upload. Listings and reads must see what was written before (AWS since 2020).
 */
export async function createS3Store(options: S3StoreOptions): Promise<BlobStore & { close(): void }> {
  const { spools, partBytes } = options;
  const calls = await openS3Calls(options);

  return {
    location: `s3://${options.bucket}/${options.prefix}`,
    // Nothing can be read before it is sealed; and `discard` finds what was published by itself.
    readStaged: undefined,
    published: undefined,
    async id() {
      const found = await calls.head(idKey);
      if (!found) return undefined;
      let text = '';
      if (found.size > 0) {
        for await (const chunk of readObject(calls, idKey, 0, found.size - 1)) text += Buffer.from(chunk).toString();
      }
      return text.trim() || undefined;
    },
    async setId(id) {
      const bytes = Buffer.from(`${id}\n`);
      await calls.put(idKey, { length: bytes.length, stream: () => new Blob([bytes]).stream() });
    },
    async stage(upload, offset, mark = null, contested = false) {
      // No more than that: whatever else there is may be that of a node which has taken the upload over.
      if (offset === 0 && mark !== null) await abortNamed(calls, [stateKey(upload, mark)]);
      const resumed =
        offset === 0 ? startNew(partBytes) : mark && (await resume(calls, upload, { offset, mark, contested }));
      return resumed ? createS3Staging(calls, spools, upload, { offset, resumed, former: mark }) : undefined;
    },
    async staged(upload, mark = null) {
      if (mark === null) return stagingArea(calls, upload);
      const state = await readState(calls, upload, mark);
      return state && { size: sizeOf(state), changedAt: state.changedAt };
    },
    keepForSweep: (upload) => keepForSweep(calls, upload),
    release: (upload, key, mark) => releaseUpload(calls, upload, key, mark),
    discard: (upload, inUse, unsettled = false) => discardUpload(calls, upload, inUse, unsettled),
    // What was staged is still there, and what was published may be published again.
    async unpublish() {},
    read: (key, start, end) => openBody(calls, contentKey(key), start, end),
    address: (key) => calls.presign(contentKey(key)),
    async size(key) {
      return (await calls.head(contentKey(key)))?.size;
    },
    remove: (keys) => calls.remove(keys.flatMap((key) => [...new Set([contentKey(key), nameKey(key)])])),
    objects: () => listObjects(calls),
    uploads: () => listUploads(calls),
    objectAt: () => undefined,
    close: calls.close,
  };
}
