import type { Descriptor, Digest } from '../oci/index.ts';

export interface SourceManifest {
  digest: Digest;
  mediaType: string;
  bytes: Uint8Array;
}

/** What one import may have of a repository. */
export interface Place {
  registryId: number;
  repository: string;
}

/** Where an image comes from: a repository elsewhere, or one of this server. */
export interface ImageSource {
  /** For people: host and repository. */
  readonly name: string;
  /** A manifest whose bytes have the digest that is said; undefined where there is none. */
  manifest(reference: { tag: string } | { digest: Digest }): Promise<SourceManifest | undefined>;
  /** Descriptors of what refers to a manifest, or says that it does, as they come. */
  referrers(subject: Digest): AsyncIterable<Pick<Descriptor, 'digest'>>;
  /**
   * Brings a blob to a repository of this server, verified; false where the source does not have it. `received` is told of
   * bytes as they come, and of less where they have to come again.
   */
  bring(blob: Pick<Descriptor, 'digest' | 'size'>, into: Place, received: (bytes: number) => void): Promise<boolean>;
}
