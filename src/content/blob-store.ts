import type { Digest } from '../oci/index.ts';

/** Which of these keys facts name. */
export type InUse = (keys: readonly string[]) => Promise<ReadonlySet<string>>;

/** Reads bytes `start` to `end` (exclusive; at least one). A chunk is valid until the next one is asked for. */
export type ReadBytes = (start: number, end: number) => AsyncIterable<Uint8Array>;

/** The open staging area of an upload. The caller sees to it that an upload has one at a time. */
export interface Staging {
  /**
   * Appends. Undefined: more may come at once; else it may when the promise resolves, which is the back-pressure.
   * The chunk is the staging area's from then on, which
   * frees it when it is written, where it is all of its buffer. A failure of the disk is thrown by a later call, at the latest by `sync`.
   */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Bytes, counted from the first one of the upload, that can be read already: see `readStaged` and `seal`. */
  readable(): number;
  /** What was written behind those, in order. */
  unreadable(): readonly Uint8Array[];
  /** Makes everything written so far survive a power cut, as an upload that can be continued. */
  sync(): Promise<void>;
  /** Names what `sync` makes durable; null where a staging area cannot be another's unseen. */
  readonly mark: string | null;
  /** That is what facts name now: what they named before may go, which nobody waits for. The sweep takes what stays. */
  recorded(): void;
  /** Nothing more will be written: resolves with what reads all of it, until the area is published or closed. */
  seal(): Promise<ReadBytes>;
  /**
   * Turns all of it into an object, durably, and returns its key. The caller has compared the digest of what was
   * written, and of what `seal` gives of the rest. Until it has recorded the fact, `unpublish` makes it a staging area
   * again.
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
  /**
   * What it must hash to: recorded with the object, so that the map of digests to keys can be rebuilt. Undefined for
   * what was being published and does not say it yet.
   */
  digest: Digest | undefined;
}

/** What an answer can be made of, at no cost where it is a file. */
export type BlobBody = Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

/**
 * Where bytes live. Knows keys and uploads, nothing of repositories. Two implementations, files and S3, each run
 * `blob-store.contract.ts`.
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
   * `mark`: the one that was recorded with the offset; at 0, of what is begun anew. `contested`: an earlier request was to
   * publish it, and nobody knows how far that came, or may come yet.
   */
  stage(upload: string, offset: number, mark?: string | null, contested?: boolean): Promise<Staging | undefined>;
  /** Reads a staging area also while more is written; undefined where it must be sealed before. */
  readonly readStaged: ((upload: string, ...range: Parameters<ReadBytes>) => ReturnType<ReadBytes>) | undefined;
  /** What is staged of an upload, or of it under this mark; undefined when nothing is. */
  staged(upload: string, mark?: string | null): Promise<StagingArea | undefined>;
  /**
   * Drops a staging area, and, unless `published` finds it, what was published of it under keys that are not `inUse`;
   * missing is fine. The caller sees to it that no key comes into use any more. `unsettled`: what a request asked for may
   * yet be done, so that the sweep is to look again.
   */
  discard(upload: string, inUse: InUse, unsettled?: boolean): Promise<void>;
  /** Sees to it that `uploads` lists an upload until it is discarded; undefined where a crash hides nothing of it. */
  readonly keepForSweep: ((upload: string) => Promise<void>) | undefined;
  /**
   * The fact of its object is recorded under this key: what is left of the staging area, which facts named by this mark,
   * may go, as with `discard`. The sweep takes what stays.
   */
  release(upload: string, key: string, mark: string | null): Promise<void>;
  /**
   * What was published of an upload, and recorded or not: where to look after a crash. Undefined where `discard` finds
   * it by itself, and where a staging area stays what it was when it was published.
   */
  readonly published:
    | ((upload: string, digest: Digest) => Promise<{ key: string; size: number } | undefined>)
    | undefined;
  /** Makes a published object that no fact names a staging area again, to go on with; missing is fine. */
  unpublish(upload: string, digest: Digest): Promise<void>;
  /**
   * A body to answer with: bytes `start` to `end` inclusive of the object. Where the object is missing, the promise is
   * rejected with an ObjectMissing, or reading the body throws.
   */
  read(key: string, start: number, end: number): BlobBody | Promise<BlobBody>;
  /** Where a client may fetch the object itself, for a short time; undefined where it may not. */
  address(key: string): Promise<string | undefined> | undefined;
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
