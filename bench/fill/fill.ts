import { type Contender } from '../peers/contenders.ts';
import type { Peer } from '../peers/start.ts';
import { fillBonded } from './bonded.ts';
import { fillDistribution, fillDistribution2 } from './distribution.ts';
import { fillZot } from './zot.ts';

/** How many entries come into one repository within seconds. */
export interface Filler {
  /** Makes every name a tag of the manifest, which the repository has. */
  tags(peer: Peer, repository: string, manifest: Uint8Array, names: readonly string[]): Promise<void>;
  /** Puts these manifests into the repository, which has their subject and their blobs. Undefined: it has no referrers. */
  referrers: ((peer: Peer, repository: string, manifests: readonly Uint8Array[]) => Promise<void>) | undefined;
}

/**
 * Bonded is asked; into the others 100,000 pushes would take hours (zot writes its whole index for each), so they find
 * on their disk what pushes would have left there.
 */
export const fillers: Partial<Record<Contender, Filler>> = {
  bonded: fillBonded,
  'docker-registry': fillDistribution2,
  registry: fillDistribution,
  zot: fillZot,
};
