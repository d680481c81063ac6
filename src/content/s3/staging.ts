import type { Staging } from '../blob-store.ts';
import { createStagingFile } from '../files/staging-file.ts';
import type { S3Calls } from './calls.ts';
import { newMark, stateKey } from './keys.ts';
import { createPartWriter, type PartWriter } from './parts.ts';
import { readObject } from './read.ts';
import { type Resumed, whereGone } from './resume.ts';
import { writeState } from './state.ts';
import type { Whole } from './whole.ts';

/**
 * The open staging area of an upload that has `offset` bytes. What is there stays where it is until more is written;
 * only then the tail is loaded, to be sent again with what follows it.
 */
export function createS3Staging(
  calls: S3Calls,
  spools: string,
  upload: string,
  { offset, resumed, former }: { offset: number; resumed: Resumed; former: string | null },
): Staging {
  const mark = newMark();
  let begun: Promise<PartWriter> | undefined;
  let size = offset;
  let sealed: Whole | undefined;

  async function begin(): Promise<PartWriter> {
    const { parts: first, load } = await resumed.begin().catch(whereGone);
    const parts = createPartWriter(calls, spools, upload, first);
    try {
      for (const { key, size: bytes, etag } of load)
        for await (const chunk of readObject(calls, key, 0, bytes - 1, etag)) await parts.append([chunk]);
    } catch (error) {
      await parts.abandon().catch(() => {});
      await parts.close();
      return whereGone(error);
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

  async function whole(): Promise<Whole> {
    if (sealed) return sealed;
    await file.datasync();
    sealed = (!begun && (await resumed.whole())) || (await (await writer()).complete());
    return sealed;
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
      await writeState(calls, stateKey(upload, mark), parts.record(), parts.tail()?.source());
    },
    recorded() {
      if (former !== null) calls.remove([stateKey(upload, former)]).catch(() => {});
    },
    seal: async () => (await whole()).read,
    publish: async (digest) => (await whole()).publish(digest),
    async revert() {
      await file.truncate().catch(() => {});
      // Of what is sealed already, the next one to open the area takes what it needs.
      if (begun) await begun.then((parts) => parts.abandon()).catch(() => {});
    },
    close: () => file.close(),
  };
}
