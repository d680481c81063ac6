import { expect, test } from 'bun:test';
import type { Share } from '../catalog/index.ts';
import type { RegistryFacts } from '../registries/index.ts';
import type { Tiers } from '../tiers/index.ts';
import { createStorageLimits } from './storage-limits.ts';

const gib = 2 ** 30;
const of = (id: number, limitBytes?: number, tier = 'Premium') =>
  ({ id, tier, storageQuota: limitBytes === undefined ? undefined : { limitBytes } }) as RegistryFacts;
const tiers = { of: (name: string) => ({ limits: { maxStorage: name === 'Basic' ? 10 * gib : -1 } }) } as Tiers;

test('slices of a registry are forgotten when its limits change, in the quota or the tier, and only then', () => {
  let directory: { registries: RegistryFacts[] } = { registries: [of(1, gib), of(12, gib)] };
  const limiter = createStorageLimits(() => directory, tiers);
  const share: Share = { limit: gib, isKnown: true, slice: undefined, asking: undefined, notBefore: 0, pushes: 1 };
  /** Those that are still known once something was changed. */
  const after = (...registries: RegistryFacts[]) => {
    expect(limiter.of(1)).toBeDefined();
    for (const key of ['1', '1 team/app', '12']) limiter.shares.set(key, share);
    directory = { registries };
    limiter.of(12);
    return [...limiter.shares.keys()].toSorted();
  };
  expect(after(of(1, gib), of(12, gib))).toEqual(['1', '1 team/app', '12']);
  expect(after(of(1, 2 * gib), of(12, gib))).toEqual(['12']);
  expect(after(of(1, 2 * gib), of(12))).toEqual(['1', '1 team/app']);
  expect(after(of(1, undefined, 'Basic'), of(12, gib))).toEqual([]);
  expect(limiter.of(1)?.registry).toBe(10 * gib);
});
