import { createHash, type Hash } from 'node:crypto';
import type { Digest, DigestAlgorithm } from '../oci/index.ts';
import type { BlobStore, ReadBytes, Staging } from './blob-store.ts';

/** Bytes that are read between two looks at how far the upload has come. */
const stepBytes = 4 * 1024 * 1024;

/** The hash of an upload's bytes from the first one on, as far as they have come. */
export interface UploadHash {
  readonly algorithm: DigestAlgorithm;
  /** Bytes that it covers, or will when it has caught up. */
  length(): number;
  /** Goes on with the bytes that are written to `staging` from now on. */
  attach(staging: Staging): void;
  /** Takes bytes that are handed to the staging area in the same turn. */
  update(chunk: Uint8Array): void;
  /** All that was written is readable by now, without the staging area. */
  detach(): void;
  /** The digest so far; undefined while it has not caught up. */
  current(): Digest | undefined;
  /** Waits until it has caught up. Throws when staged bytes cannot be read. */
  digest(): Promise<Digest>;
  /** A second hash of the same bytes; undefined while it has not caught up. */
  fork(): UploadHash | undefined;
  /** Ends the reading, if there is one. */
  drop(): void;
}

/** The hash of an upload that begins. */
export function startHash(algorithm: DigestAlgorithm): UploadHash {
  return uploadHash(createHash(algorithm), algorithm, 0);
}

/**
 * The hash of an upload of which `length` bytes are staged already: after a restart, on another process, or when the
 * final digest is of another algorithm than was foreseen. Reading them begins at once and goes on beside whatever the
 * upload does; bytes that arrive meanwhile are read back too, until it has caught up. A client never waits for it
 * before the end. Where staged bytes cannot be read (`readStaged`), all of them are read then.
 */
export function hashAgain(store: BlobStore, upload: string, algorithm: DigestAlgorithm, length: number): UploadHash {
  const { readStaged } = store;
  const atOnce: ReadBytes | undefined = readStaged && ((start, end) => readStaged(upload, start, end));
  return uploadHash(createHash(algorithm), algorithm, length, { atOnce });
}

function uploadHash(
  hash: Hash,
  algorithm: DigestAlgorithm,
  covered: number,
  stored?: { atOnce: ReadBytes | undefined },
): UploadHash {
  let length = covered;
  let staging: Staging | undefined;
  let dropped = false;
  let behind = false;

  async function catchUp(read: ReadBytes): Promise<void> {
    let hashed = 0;
    for (;;) {
      const readable = staging ? staging.readable() : length;
      if (hashed === readable) break;
      const before = hashed;
      for await (const chunk of read(hashed, Math.min(readable, hashed + stepBytes))) {
        if (dropped) return;
        hash.update(chunk);
        hashed += chunk.byteLength;
      }
      if (hashed === before) throw new Error(`${readable} bytes should be staged, but only ${hashed} are`);
    }
    // No turn of the event loop lies between this and the next chunk, so none is missed and none is hashed twice.
    for (const chunk of staging?.unreadable() ?? []) {
      hash.update(chunk);
      hashed += chunk.byteLength;
    }
    if (hashed !== length) throw new Error(`the hash covers ${hashed} bytes of ${length}`);
    behind = false;
  }

  let caughtUp: Promise<void> | undefined;
  if (stored && length > 0) {
    behind = true;
    if (stored.atOnce) caughtUp = catchUp(stored.atOnce);
    // Whoever needs the digest hears of it.
    caughtUp?.catch(() => {});
  }

  async function sealAndCatchUp(): Promise<void> {
    if (!staging) throw new Error('staged bytes can only be hashed while their area is open');
    await catchUp(await staging.seal());
  }

  const current = () => (behind ? undefined : (`${algorithm}:${hash.copy().digest('hex')}` satisfies Digest));
  return {
    algorithm,
    length: () => length,
    attach(opened) {
      staging = opened;
    },
    update(chunk) {
      length += chunk.byteLength;
      if (!behind) hash.update(chunk);
    },
    detach() {
      staging = undefined;
    },
    current,
    async digest() {
      if (behind) caughtUp ??= sealAndCatchUp();
      await caughtUp;
      const digest = current();
      if (!digest) throw new Error('the hash was dropped before it had caught up');
      return digest;
    },
    fork: () => (behind ? undefined : uploadHash(hash.copy(), algorithm, length)),
    drop() {
      dropped = true;
    },
  };
}

/** What names the first bytes of an upload for good: where it begins anew at 0, it is another run. */
export interface UploadRun {
  upload: string;
  startedAt: number;
}

export interface LiveHashes {
  /** The hash of exactly the first `length` bytes of a run; whoever takes it keeps its successor. */
  take(run: UploadRun, algorithm: DigestAlgorithm, length: number): UploadHash | undefined;
  keep(run: UploadRun, hash: UploadHash): void;
  drop(upload: string): void;
}

/**
 * Hashes of uploads whose last bytes were received by this process. A short cut only: uploads that fell out of the
 * `limit`, or went on elsewhere, are hashed again. Another process may have begun the upload anew meanwhile and be at
 * the same length with other bytes: a hash is good for the run in which it was kept.
 */
export function createLiveHashes(limit = 1024): LiveHashes {
  const hashes = new Map<string, { startedAt: number; hash: UploadHash }>();
  const drop = (upload: string) => {
    hashes.get(upload)?.hash.drop();
    hashes.delete(upload);
  };
  return {
    take({ upload, startedAt }, algorithm, length) {
      const { hash, startedAt: since } = hashes.get(upload) ?? {};
      if (since === startedAt && hash?.algorithm === algorithm && hash.length() === length) {
        hashes.delete(upload);
        return hash;
      }
      drop(upload);
      return undefined;
    },
    keep({ upload, startedAt }, hash) {
      drop(upload);
      hashes.set(upload, { startedAt, hash });
      if (hashes.size > limit) drop(hashes.keys().next().value!);
    },
    drop,
  };
}
