import { createHash, type Hash } from 'node:crypto';
import { RegistryError } from '../errors/index.ts';
import type { DigestAlgorithm } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';
import { hashStaged, receive, type Received, type ReceiveLimits, type UploadBody } from './receive.ts';

export interface Staged extends Received {
  /** Of everything from byte 0 to the new end. */
  hash: Hash;
}

/**
 * Receives a body into staging from `offset` on, and makes it durable; `resumable` also for a session that goes on
 * after a power cut. Where no live hash of the bytes before exists, they are hashed from staging while the body
 * streams in, and the body after them: the client's bytes never wait for it.
 */
export async function stageBody(
  store: BlobStore,
  upload: string,
  body: UploadBody | undefined,
  options: {
    offset: number;
    algorithm: DigestAlgorithm;
    live: Hash | undefined;
    limits: ReceiveLimits;
    resumable: boolean;
  },
): Promise<Staged> {
  const { offset, algorithm, live, limits, resumable } = options;
  const prefix = live ? undefined : hashStaged(createHash(algorithm), store.readStaged(upload, 0, offset));
  // Awaited below; should the body fail first, nobody is left to hear of this one.
  prefix?.catch(() => {});
  try {
    const writer = await store.stage(upload, offset);
    let received: Received = { bytes: 0, failure: undefined };
    try {
      if (body) received = await receive(body, writer, live, { ...limits, offset });
      await writer.sync({ resumable });
    } finally {
      await writer.close();
    }
    if (!prefix) return { ...received, hash: live! };
    const end = offset + received.bytes;
    return { ...received, hash: await hashStaged(await prefix, store.readStaged(upload, offset, end)) };
  } catch (error) {
    throw storageFailure(error);
  }
}

/** Cuts a staging area to its first `offset` bytes, durably. */
export async function cutStaged(store: BlobStore, upload: string, offset: number): Promise<void> {
  const writer = await store.stage(upload, offset);
  try {
    await writer.sync({ resumable: false });
  } finally {
    await writer.close();
  }
}

/** A full disk is the registry's trouble, and passes: the caller may try again later. */
export function storageFailure(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' ? new RegistryError('INSUFFICIENT_STORAGE', { cause: error }) : error;
}
