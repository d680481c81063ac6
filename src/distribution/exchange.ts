import type { Catalog } from '../catalog/index.ts';
import type { BlobStore, Uploads } from '../content/index.ts';
import type { RegistryError } from '../errors/index.ts';
import type { ByteBudget } from '../memory/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Caller } from './caller.ts';
import type { Action } from './action.ts';

/** One request as the edge hands it over, after the bounds that concern every protocol. */
export interface Exchange {
  request: Request;
  method: string;
  /** Path as it was sent, without the query. */
  path: string;
  /** The query without its question mark. */
  query: string;
  registryId: number;
  requestId: string;
  /** Set by the gates, once they know. */
  caller?: Caller | undefined;
  /** What is said where its token was given for a repository that is gone; set by the gates. */
  stale?: () => RegistryError;
  /** What it wants, and of which repository, once that is known. */
  action?: Action;
  repository?: string;
  /** Of the client. */
  address(): string;
  /** Scheme and authority under which the client reaches the registry. */
  origin(): string;
  /** What kind of path it is, for metrics. */
  route: string;
  /** Lifts the time limit of a silent connection until the answer; the body's own watchdog takes over. */
  untimed(): void;
}

export interface Distribution {
  catalog: Catalog;
  uploads: Uploads;
  blobs: BlobStore;
  /** Longest that a manifest may take to arrive (ms). */
  manifestTimeoutMs: number;
  /** For manifests that are being pushed. */
  manifestMemory: ByteBudget;
  /** For lists, until they have gone out. */
  listMemory: ByteBudget;
  /** Told of the bytes of blobs that were taken in, and of those that an answer holds. */
  received(bytes: number): void;
  served(bytes: number): void;
  /** Whether the client with this User-Agent may be sent to the storage for a blob. */
  redirects(userAgent: string): boolean;
  /** Told of a blob whose object was not there. */
  missing(digest: Digest, key: string): void;
}
