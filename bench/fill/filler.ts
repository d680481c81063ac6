import type { Peer } from '../peers/start.ts';

/** How many entries come into one repository within seconds. */
export interface Filler {
  /** Makes every name a tag of the manifest, which the repository has. */
  tags(peer: Peer, repository: string, manifest: Uint8Array, names: readonly string[]): Promise<void>;
  /** Puts these manifests into the repository, which has their subject and their blobs. Undefined: it has no referrers. */
  referrers: ((peer: Peer, repository: string, manifests: readonly Uint8Array[]) => Promise<void>) | undefined;
}
