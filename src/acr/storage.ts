import type { StorageShares } from '../catalog/index.ts';
import { askerOf, type Exchange } from './exchange.ts';

/**
 * How many bytes would become free without something, and how many others have, too: an addition of ours to the attributes
 * of one thing. Only for who may know of all repositories, since it says whether others have the same content.
 */
export async function storageFor(
  exchange: Exchange,
  shares: () => Promise<StorageShares | undefined>,
): Promise<{ storage?: StorageShares }> {
  const storage = askerOf(exchange).seesAll ? await shares() : undefined;
  return storage ? { storage } : {};
}
