import type { Digest } from '../oci/index.ts';

/** An open staging area that bytes are appended to; exactly one exists for an upload at a time. */
export interface StagingWriter {
  /** Appends; resolves once the bytes left our hands, so awaiting it is the back-pressure. */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes everything written so far survive a power cut. */
  sync(): Promise<void>;
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
  /** Reads the first `end` bytes of a staging area. */
  readStaged(upload: string, end: number): AsyncIterable<Uint8Array>;
  /** Turns a synced staging area into an object, durably, and returns its key. Not repeatable. */
  publish(upload: string, digest: Digest): Promise<string>;
  /** Drops a staging area; missing is fine. */
  discard(upload: string): Promise<void>;
  /** A body to answer with: bytes `start` to `end` inclusive of the object. */
  read(key: string, start: number, end: number): Blob;
  /** Bytes of the object, undefined when it is missing. */
  size(key: string): Promise<number | undefined>;
  /** Removes an object durably; missing is fine. */
  remove(key: string): Promise<void>;
  objects(): AsyncIterable<StoredObject>;
  /** Uploads that have a staging area, with the time of their last change (ms). */
  staged(): AsyncIterable<{ upload: string; changedAt: number }>;
  /** Keys that `publish` made for an upload: what a crash between publish and its fact leaves behind. */
  publishedBy(upload: string): Promise<string[]>;
}
