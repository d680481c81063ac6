import type { Digest } from '../oci/index.ts';

/** An open staging area that bytes are appended to; exactly one exists for an upload at a time. */
export interface StagingWriter {
  /**
   * Appends. Resolves as soon as more may come, which is the back-pressure; the chunk must not be changed afterwards.
   * A failure of the disk is thrown by a later call, at the latest by `sync`.
   */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes everything written so far survive a power cut; `resumable` also the staging area's name. */
  sync(options: { resumable: boolean }): Promise<void>;
  /** Must be called exactly once. Unsynced bytes may or may not survive. */
  close(): Promise<void>;
}

export interface StoredObject {
  key: string;
  /** Bytes. */
  size: number;
  /** The digest that the store recorded with the object, so that the digest → key map can be rebuilt. */
  digest: Digest | undefined;
}

export interface StagingArea {
  /** Bytes. */
  size: number;
  /** Time of the last write (ms). */
  changedAt: number;
}

/**
 * Where bytes live. Knows keys and uploads, nothing of repositories. Two implementations: files, and S3 (later);
 * each runs `blob-store.contract.ts`.
 *
 * Every published object has a key of its own, even when its content exists already: a delete of one generation
 * can then never hit the bytes of the next.
 */
export interface BlobStore {
  /** Opens the staging area of `upload`, cut to `offset` bytes. Creates it when `offset` is 0. */
  stage(upload: string, offset: number): Promise<StagingWriter>;
  /** Reads bytes `start` to `end` (exclusive) of a staging area. */
  readStaged(upload: string, start: number, end: number): AsyncIterable<Uint8Array>;
  /** What is staged of an upload; undefined when nothing is. */
  staged(upload: string): Promise<StagingArea | undefined>;
  /** Turns a synced staging area into an object, durably, and returns `keyOf` it. Not repeatable. */
  publish(upload: string, digest: Digest): Promise<string>;
  /** The key under which `publish` of this upload puts its object: where to look for it after a crash. */
  keyOf(upload: string, digest: Digest): string;
  /** Drops a staging area; missing is fine. */
  discard(upload: string): Promise<void>;
  /** A body to answer with: bytes `start` to `end` inclusive of the object. */
  read(key: string, start: number, end: number): Blob;
  /** Bytes of the object, undefined when it is missing. */
  size(key: string): Promise<number | undefined>;
  /** Removes an object durably; missing is fine. */
  remove(key: string): Promise<void>;
  /** All objects, in no order; what is published or removed meanwhile may be among them. */
  objects(): AsyncIterable<StoredObject>;
  /** All uploads that have a staging area. */
  uploads(): AsyncIterable<StagingArea & { upload: string }>;
  /** The key whose bytes a failed answer was to have, from the path that the system named; undefined when it is none. */
  keyOfPath(path: string): { key: string; digest: Digest } | undefined;
}
