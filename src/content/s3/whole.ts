import { createHash } from 'node:crypto';
import { type Digest, digestAlgorithm } from '../../oci/index.ts';
import { wrongDigest } from '../upload-refusals.ts';
import { ObjectMissing } from '../object-missing.ts';
import type { S3Calls } from './calls.ts';
import { contentKey, keyOfOne, keyOfParts, nameKey } from './keys.ts';
import { readObject } from './read.ts';
import { isMissing, isReplaced, unavailable } from './retry.ts';
import { keepForSweep, type Multipart } from './state.ts';

/** Content that gets no further bytes. */
export interface Whole {
  /** Bytes `start` to `end` (exclusive). */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** Makes it the object of its digest, of which the caller is certain; returns the key for the facts. */
  publish(digest: Digest): Promise<string>;
}

/** Content that one request sends when its digest is known; `send` sends exactly the bytes that `read` gives. */
export function wholeInOne(
  calls: S3Calls,
  upload: string,
  { read, send }: { read: Whole['read']; send: (objectKey: string) => Promise<boolean> },
): Whole {
  return {
    read,
    async publish(digest) {
      const key = keyOfOne(upload, digest);
      if (!(await send(contentKey(key)))) await keepForSweep(calls, upload);
      return key;
    },
  };
}

/** An object of parts; `ours` where it is certain which parts these were. */
export function wholeOfParts(
  calls: S3Calls,
  upload: string,
  name: string,
  { size, ours }: { size: number; ours: boolean },
): Whole {
  const read = (start: number, end: number) => readObject(calls, contentKey(name), start, end - 1);

  /** The digest must not name bytes of another process, nor fewer than there are. */
  async function verify(digest: Digest): Promise<void> {
    const found = (await calls.head(contentKey(name)))?.size;
    if (found !== size) throw unavailable(new Error(`${name} has ${found} bytes of ${size}`));
    const hash = createHash(digestAlgorithm(digest));
    try {
      if (size > 0) for await (const chunk of read(0, size)) hash.update(chunk);
    } catch (error) {
      throw error instanceof ObjectMissing ? unavailable(error) : error;
    }
    const actual: Digest = `${digestAlgorithm(digest)}:${hash.digest('hex')}`;
    if (actual !== digest) throw wrongDigest(digest, actual, size);
  }

  return {
    read,
    async publish(digest) {
      if (!ours) await verify(digest);
      const key = keyOfParts(name, digest);
      if (!(await calls.put(nameKey(key), undefined))) await keepForSweep(calls, upload);
      return key;
    },
  };
}

/**
 * Completes a multipart upload, of which all parts are `ours` or not. One whose answer was lost is gone when it is
 * completed again: then the object is there, and only then that is believed. It may also be that of a process that had
 * lost the upload and did not know, and have other parts.
 */
export async function completeParts(
  calls: S3Calls,
  upload: string,
  { id, name }: Multipart,
  { etags, size, ours }: { etags: readonly string[]; size: number; ours: boolean },
): Promise<Whole> {
  const key = contentKey(name);
  let failure: unknown = unavailable(new Error(`${key} is said to be completed, and is not there`));
  try {
    if (await calls.complete(key, id, etags)) return wholeOfParts(calls, upload, name, { size, ours });
  } catch (error) {
    // A part that has come a second time since they were listed: the next request finds it.
    if (isReplaced(error)) throw unavailable(error);
    if (!isMissing(error)) throw error;
    failure = unavailable(error);
  }
  // What another process made of other parts is gone on from when the client comes back.
  if ((await calls.head(key))?.size !== size) throw failure;
  return wholeOfParts(calls, upload, name, { size, ours: false });
}
