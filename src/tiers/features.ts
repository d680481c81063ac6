import { commandLine, ManagementError } from '../operations/index.ts';
import { type CountLimit, counts, type Feature, features } from './contract.ts';
import type { Tier, Tiers } from './tiers.ts';

/** What is said of a registry that would have to be of another tier. */
export interface Gated {
  /** The registry's name. */
  registry: string;
  tier: Tier;
  tiers: Tiers;
  /** The property that asks for it, such as `properties.anonymousPullEnabled`. */
  target?: string | undefined;
}

/** Throws Conflict where the tier of a registry does not have a feature: names a tier that has, and the way there. */
export function requireFeature(gated: Gated, feature: Feature): void {
  if (gated.tier.features[feature]) return;
  throw new ManagementError('Conflict', lacksFeature(gated, feature), targetOf(gated));
}

function lacksFeature({ registry, tier, tiers }: Gated, feature: Feature): string {
  const has = tierWith(tiers, feature);
  const what = `the tier ${tier.name} of the registry ${registry} does not have ${says(feature)}`;
  return `${what}; ${wayTo(registry, has, tier, ['features', feature, 'true'])}`;
}

/** A feature by its name, and what that is. */
export const says = (feature: Feature) => `${feature} (${features[feature].replace(/\.$/, '')})`;

/** The first tier that has a feature. */
export const tierWith = (tiers: Tiers, feature: Feature) => tiers.all().find((one) => one.features[feature]);

/** The first tier that lets a registry have so many of something. */
export const tierFor = (tiers: Tiers, limit: CountLimit, wanted: number) =>
  tiers.all().find(({ limits }) => limits[limit] < 0 || limits[limit] >= wanted);

/** Throws QuotaExceeded where one more than `current` would be too many. */
export function requireLimit(gated: Gated, limit: CountLimit, current: number): void {
  const most = gated.tier.limits[limit];
  if (most < 0 || current < most) return;
  throw new ManagementError('QuotaExceeded', exceeds(gated, limit, current + 1), targetOf(gated));
}

/** Throws QuotaExceeded where `wanted` are too many at once. */
export function requireAtMost(gated: Gated, limit: CountLimit, wanted: number): void {
  if (wanted > 0) requireLimit(gated, limit, wanted - 1);
}

function exceeds({ registry, tier, tiers }: Gated, limit: CountLimit, wanted: number): string {
  const most = tier.limits[limit];
  const has = tierFor(tiers, limit, wanted);
  return `the tier ${tier.name} of the registry ${registry} has ${most} ${counts[limit]} at most; ${wayTo(registry, has, tier, ['limits', limit, String(wanted)])}`;
}

function wayTo(
  registry: string,
  better: Tier | undefined,
  { name }: Tier,
  [part, word, value]: readonly [string, string, string],
): string {
  if (better) {
    const command = commandLine(['bonded', 'acr', 'update', '--name', registry, '--sku', better.name]);
    return `the tier ${better.name} does: ${command}`;
  }
  const command = commandLine(['bonded', 'tier', 'update', '--name', name, '--set', `${part}.${word}=${value}`]);
  return `no tier does; edit this one: ${command}`;
}

const targetOf = ({ target }: Gated) => (target === undefined ? {} : { target });
