import type { BlobStore } from '../blob-store.ts';
import { openS3Calls } from './calls.ts';
import type { S3Options } from './client.ts';
import { contentKey, idKey, keyOf, nameKey, stateKey } from './keys.ts';
import { discardUpload, listObjects, listUploads, multipartArea } from './list.ts';
import { openBody, readObject } from './read.ts';
import { resume, startNew } from './resume.ts';
import { createS3Staging } from './staging.ts';
import { anyMark, digestOfParts, readState, sizeOf, writeState } from './state.ts';

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
    readsWhileStaging: false,
    discardsPublished: true,
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
    async stage(upload, offset, mark = null) {
      const resumed = offset === 0 ? startNew(upload, partBytes) : await resume(calls, upload, offset, mark);
      return resumed && createS3Staging(calls, spools, upload, { offset, resumed, before: offset === 0 ? null : mark });
    },
    async *readStaged(upload, start, end) {
      if (start === end) return;
      const state = await readState(calls, upload);
      const inTail = state?.parts === 0 && end <= state.tail;
      yield* readObject(calls, inTail ? stateKey(upload) : contentKey(upload), start, end - 1);
    },
    async staged(upload) {
      const state = await readState(calls, upload);
      return state ? { size: sizeOf(state), changedAt: state.changedAt } : multipartArea(calls, upload);
    },
    release: (upload) => calls.remove([stateKey(upload)]),
    discard: (upload, inUse) => discardUpload(calls, upload, inUse),
    keyOf,
    async unpublish(upload, digest) {
      await calls.remove([nameKey(keyOf(upload, digest))]);
      if (await calls.head(stateKey(upload))) return;
      // The object stays until the area is used again: `stage` takes from there what the state does not have.
      const run = (await calls.head(contentKey(upload)))?.metadata['run'];
      const nothing = { partBytes, parts: 0, etags: digestOfParts([]), multipart: undefined, tailPart: undefined };
      if (run !== undefined)
        await writeState(calls, upload, { run, ...nothing, mark: anyMark, before: null }, undefined);
    },
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
