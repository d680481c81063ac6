import type { Digest } from '../oci/index.ts';

/** The open staging area of an upload. The caller sees to it that an upload has one at a time. */
export interface Staging {
  /**
   * Appends. Undefined: more may come at once; else it may when the promise resolves, which is the back-pressure.
   * The chunk must not change afterwards. A failure of the disk is thrown by a later call, at the latest by `sync`.
   */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Bytes, counted from the first one of the upload, that `readStaged` gives already. */
  readable(): number;
  /** What was written behind those, in order. */
  unreadable(): readonly Uint8Array[];
  /** Makes everything written so far survive a power cut, as an upload that can be continued. */
  sync(): Promise<void>;
  /**
   * Turns all of it into an object, durably, and returns its key. The staging area is gone then; until the caller has
   * recorded the fact, `unpublish` brings it back.
   */
  publish(digest: Digest): Promise<string>;
  /** Gives the space of what was written since the area was opened back, as far as that works. */
  revert(): Promise<void>;
  /** Must be called exactly once, as the last. What was not synced may or may not survive. */
  close(): Promise<void>;
}

export interface StagingArea {
  /** Bytes. */
  size: number;
  /** Time of the last write (ms). */
  changedAt: number;
}

export interface StoredObject {
  key: string;
  /** The upload that it was published from. */
  upload: string;
  /** What it must hash to: recorded with the object, so that the map of digests to keys can be rebuilt. */
  digest: Digest;
}

/**
 * Where bytes live. Knows keys and uploads, nothing of repositories. Two implementations: files, and S3 (later);
 * each runs `blob-store.contract.ts`.
 *
 * Every published object has a key of its own, even when its content exists already: a delete of one generation
 * can then never hit the bytes of the next.
 */
export interface BlobStore {
  /** Where it is, for messages to the operator. */
  readonly location: string;
  /** The id that `setId` gave it; undefined for one that is new, or not there. */
  id(): Promise<string | undefined>;
  /** Names the store, durably. */
  setId(id: string): Promise<void>;
  /**
   * Opens the staging area of `upload`, cut to its first `offset` bytes; at 0 it is made where it is missing.
   * Undefined when fewer bytes are staged.
   */
  stage(upload: string, offset: number): Promise<Staging | undefined>;
  /** Reads bytes `start` to `end` (exclusive) of a staging area. A chunk is valid until the next one is asked for. */
  readStaged(upload: string, start: number, end: number): AsyncIterable<Uint8Array>;
  /** What is staged of an upload; undefined when nothing is. */
  staged(upload: string): Promise<StagingArea | undefined>;
  /** Drops a staging area; missing is fine. */
  discard(upload: string): Promise<void>;
  /** The key under which an upload is published: where to look after a crash between that and its fact. */
  keyOf(upload: string, digest: Digest): string;
  /** Makes a published object that no fact names a staging area again; missing is fine. */
  unpublish(upload: string, digest: Digest): Promise<void>;
  /** A body to answer with: bytes `start` to `end` inclusive of the object. */
  read(key: string, start: number, end: number): Blob;
  /** Bytes of the object, undefined when it is missing. */
  size(key: string): Promise<number | undefined>;
  /** Removes objects durably; missing is fine. */
  remove(keys: readonly string[]): Promise<void>;
  /** All objects, in no order; what is published or removed meanwhile may be among them. */
  objects(): AsyncIterable<StoredObject>;
  /** All uploads that have a staging area, in the same way. */
  uploads(): AsyncIterable<StagingArea & { upload: string }>;
  /** The object that a path named by the system stands for: whose bytes a failed answer was to have. */
  objectAt(path: string): StoredObject | undefined;
}
