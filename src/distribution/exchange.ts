import type { Catalog, ManifestFacts, PullCounter } from '../catalog/index.ts';
import type { BlobBody, BlobStore, Uploads } from '../content/index.ts';
import type { GatedExchange } from '../identity/index.ts';
import type { ByteBudget } from '../memory/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Caller } from './caller.ts';

/** One request as the edge hands it over, after the bounds that concern every protocol. */
export type Exchange = GatedExchange<Caller>;

/** How a blob goes in or out of a registry whose tier slows or counts that. */
export interface LimitedTransfer {
  /** Takes a place: throws TOOMANYREQUESTS. Returns what gives it back. */
  begin(): Promise<() => void>;
  /** Resolves when bytes that have come may be taken in; undefined where they may at once. */
  receive(bytes: number): Promise<void> | undefined;
  /** The body as fast as it may go; `ended` is called once it has gone, or its client has. */
  send(body: BlobBody, ended: () => void): ReadableStream<Uint8Array>;
}

/** What a registry takes, by its tier. */
export interface ContentLimits {
  /** Bytes. */
  largestManifest(registryId: number): number;
  /** Bytes; undefined for what the server takes. */
  largestBlob(registryId: number): number | undefined;
  /** Undefined where nothing is slowed or counted: blobs go straight from the store then. */
  transfer(exchange: Pick<Exchange, 'registryId' | 'request'>): LimitedTransfer | undefined;
}

/** What is let out of one repository. */
export interface AdmissionDoor {
  /**
   * Throws where a manifest is not let out; undefined where it is. Without a promise where that was seen a moment ago: so it is
   * of every pull but the first.
   */
  admit(exchange: Exchange, found: FoundManifest, tag: string | undefined): AdmittedNow | Promise<AdmittedNow>;
  /** Where a tag leads to: undefined for where it points, null for nowhere. */
  leadsTo(exchange: GatedExchange, found: FoundManifest, tag: string): Promise<Digest | null | undefined>;
  /** Those of some tags that lead anywhere. */
  visible(exchange: Exchange, repositoryId: number, tags: string[]): Promise<string[]>;
  /** Whether blobs are let out with images alone that are. */
  guardsBlobs: boolean;
  /** Throws where a blob is not let out. Without a promise where there is nothing to ask, or it was let out a moment ago. */
  admitBlob(exchange: Exchange, found: FoundBlob): Promise<void> | undefined;
  /** Whether a blob may be taken into another repository, because something that is let out has it. */
  mayTake(exchange: Exchange, found: FoundBlob): Promise<boolean>;
}

type FoundManifest = Pick<ManifestFacts, 'repositoryId' | 'digest'>;
type FoundBlob = FoundManifest;

/** What else there is to say of a manifest that is let out. */
type AdmittedNow = { instead?: Digest; decision?: string } | undefined;

export interface Distribution {
  catalog: Catalog;
  /** Undefined where everything is let out. */
  admission(registryId: number, repository: string): AdmissionDoor | undefined;
  uploads: Uploads;
  blobs: BlobStore;
  limits: ContentLimits;
  /** Longest that a manifest may take to arrive (ms). */
  manifestTimeoutMs: number;
  /** For manifests that are being pushed. */
  manifestMemory: ByteBudget;
  /** For lists, until they have gone out. */
  listMemory: ByteBudget;
  /** Counts what is pulled. */
  pulls: PullCounter;
  /** Told of the bytes of blobs that were taken in, and of those that an answer holds. */
  received(bytes: number): void;
  served(bytes: number): void;
  /** Whether the client with this User-Agent may be sent to the storage for a blob. */
  redirects(userAgent: string): boolean;
  /** Sends readers of blobs to hosts of their own, where registries have them. */
  dataEndpoint?: DataEndpoint | undefined;
  /** Told of a blob whose object was not there. */
  missing(digest: Digest, key: string): void;
}

/** A blob as one repository has it. */
export interface NamedBlob {
  repository: string;
  repositoryId: number;
  digest: Digest;
}

export interface DataEndpoint {
  /** Where the client of this request reads a blob; undefined where its registry has no data endpoint. */
  addressOf(exchange: Exchange, blob: NamedBlob): string | undefined;
  /** What a request to a data endpoint may read; undefined where that is nothing. */
  read(exchange: Exchange): NamedBlob | undefined;
}
