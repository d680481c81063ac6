import { createHash, randomBytes } from 'node:crypto';
import { type Digest, digestAlgorithm } from '../../oci/index.ts';
import type { Staging } from '../blob-store.ts';
import type { S3Calls } from './calls.ts';
import { contentKey, keyOf, nameKey } from './keys.ts';
import { removeNames } from './list.ts';
import { createPartWriter, type PartWriter } from './parts.ts';
import { readObject } from './read.ts';
import type { Resumed } from './resume.ts';
import { writeState } from './state.ts';
import { createStagingFile } from '../files/staging-file.ts';
import { wrongDigest } from '../upload-refusals.ts';

/**
 * The open staging area of an upload that has `offset` bytes. What is there stays where it is until more is written;
 * only then the tail is loaded, to be sent again with what follows it.
 */
export function createS3Staging(
  calls: S3Calls,
  spools: string,
  upload: string,
  { offset, resumed, before }: { offset: number; resumed: Resumed; before: string | null },
): Staging {
  const mark = randomBytes(8).toString('hex');
  let begun: Promise<PartWriter> | undefined;
  let size = offset;
  let sealed = false;
  let ours = true;

  async function begin(): Promise<PartWriter> {
    const { tail } = resumed;
    const parts = createPartWriter(calls, spools, contentKey(upload), await resumed.begin());
    if (tail.end === tail.start) return parts;
    try {
      for await (const chunk of readObject(calls, tail.key, tail.start, tail.end - 1)) await parts.append([chunk]);
    } catch (error) {
      await parts.close();
      throw error;
    }
    return parts;
  }

  function writer(): Promise<PartWriter> {
    begun ??= begin();
    begun.catch(() => {});
    return begun;
  }

  const file = createStagingFile(
    {
      async write(chunks) {
        await (await writer()).append(chunks);
      },
      truncate: async () => {},
      size: async () => size,
      datasync: async () => {},
      close: async () => {
        if (begun) await begun.then((parts) => parts.close()).catch(() => {});
      },
    },
    offset,
    false,
  );

  async function seal(): Promise<void> {
    if (sealed) return;
    await file.datasync();
    ours = await (!begun && resumed.publish ? resumed.publish() : (await writer()).complete());
    sealed = true;
  }

  /** Looks into an object of which it is not certain that it was made here: no digest may name bytes of another process. */
  async function verify(digest: Digest, key: string): Promise<void> {
    if (ours || size === 0) return;
    const hash = createHash(digestAlgorithm(digest));
    for await (const chunk of readObject(calls, contentKey(upload), 0, size - 1)) hash.update(chunk);
    const actual = `${digestAlgorithm(digest)}:${hash.digest('hex')}`;
    if (actual === digest) return;
    await calls.remove([nameKey(key)]);
    throw wrongDigest(digest, actual, size);
  }

  return {
    mark,
    write(chunk) {
      size += chunk.byteLength;
      return file.write(chunk);
    },
    readable: () => (sealed ? size : 0),
    unreadable: () => [],
    async sync() {
      await file.datasync();
      const parts = await writer();
      await parts.settle();
      const tailPart = await parts.sendTail();
      await writeState(calls, upload, { ...parts.record(), tailPart, mark, before }, parts.tail()?.source());
    },
    seal,
    async publish(digest) {
      const key = keyOf(upload, digest);
      if (resumed.published) await removeNames(calls, upload, key);
      await Promise.all([seal(), calls.put(nameKey(key), undefined)]);
      await verify(digest, key);
      return key;
    },
    async revert() {
      await file.truncate().catch(() => {});
      // Of what is sealed already, the next one to open the area takes what it needs.
      if (begun) await begun.then((parts) => parts.abandon()).catch(() => {});
    },
    close: () => file.close(),
  };
}
