import type { Contender } from '../peers/contenders.ts';
import { fillBonded } from './bonded.ts';
import { fillDistribution, fillDistribution2 } from './distribution.ts';
import type { Filler } from './filler.ts';
import { fillZot } from './zot.ts';

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
