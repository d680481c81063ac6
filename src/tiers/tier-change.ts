import { z } from 'zod';
import { action } from '../operations/index.ts';
import { categories, type Category, type CountLimit, counts, type Feature, features } from './contract.ts';
import { says, tierFor, tierWith } from './features.ts';
import type { Level } from './refusal.ts';
import type { Tier, Tiers } from './tiers.ts';

const part = z.object({ name: z.string(), from: z.string(), to: z.string() });
const reason = z.object({ code: z.string(), message: z.string(), target: z.string() });

const report = z.object({
  from: z.string(),
  to: z.string(),
  allowed: z.boolean().describe('Whether nothing speaks against it.'),
  blocks: z.array(reason).describe('What has to go first.'),
  slower: z.array(part).describe('Rates that would be lower.'),
  lost: z.array(part).describe('Limits that would be lower, and features that would be gone.'),
  gained: z.array(part).describe('What would be more.'),
});

export const checkTierChange = action({
  description: 'What a change of the tier would mean: what speaks against it, what would be slower, lost and gained.',
  permission: 'Microsoft.ContainerRegistry/registries/read',
  input: z.object({ sku: z.object({ name: z.string().max(50) }) }),
  output: report,
});

export type TierChange = z.output<typeof report>;

/** What a registry has, as far as a tier bounds it. */
export interface Held {
  registry: string;
  /** Bytes. */
  storage: number;
  counts: readonly { limit: CountLimit; current: number }[];
  features: readonly { feature: Feature; target: string }[];
}

/** Compares two tiers for a registry that has this. Pure. */
export function tierChange(tiers: Tiers, from: Tier, to: Tier, held: Held): TierChange {
  const blocks = [
    ...held.features
      .filter(({ feature }) => !to.features[feature])
      .map(({ feature, target }) => ({
        code: 'FeatureInUse',
        message: lacks(tiers, to, feature, `, which ${target.replace(/^properties\./, '')} asks for`),
        target,
      })),
    ...held.counts.flatMap((count) => beyond(tiers, to, held.registry, count)),
    ...(isBeyond(held.storage, to.limits.maxStorage)
      ? [
          {
            code: 'StorageExceeded',
            message: `the registry stores ${held.storage} bytes, and the tier ${to.name} takes ${to.limits.maxStorage}; delete what is no longer needed first`,
            target: 'limits.maxStorage',
          },
        ]
      : []),
  ];
  const limits = (Object.keys(to.limits) as (keyof Tier['limits'])[]).map((name) =>
    compare(`limits.${name}`, from.limits[name], to.limits[name]),
  );
  const had = (Object.keys(features) as Feature[]).map((name) =>
    compare(`features.${name}`, Number(from.features[name]), Number(to.features[name]), (value) =>
      value === 1 ? 'yes' : 'no',
    ),
  );
  const rates = [
    ...categories.flatMap((category) =>
      levelsOf(category).map((level) =>
        compare(`rates.${category}.${level}`, rateOf(from, category, level), rateOf(to, category, level)),
      ),
    ),
    ...(['ingress', 'egress', 'transfers'] as const).map((dial) =>
      compare(`rates.${dial}`, from.rates[dial], to.rates[dial]),
    ),
  ];
  return {
    from: from.name,
    to: to.name,
    allowed: blocks.length === 0,
    blocks,
    slower: rates.filter(({ less }) => less).map(({ line }) => line),
    lost: [...limits, ...had].filter(({ less }) => less).map(({ line }) => line),
    gained: [...limits, ...had, ...rates].filter(({ more }) => more).map(({ line }) => line),
  };
}

/** Of what a tier has or has not, the number says nothing. */
const featureOf: Partial<Record<CountLimit, Feature>> = {
  geoReplications: 'geoReplication',
  privateEndpoints: 'privateEndpoints',
};

/** What speaks against so many of something. */
function beyond(
  tiers: Tiers,
  to: Tier,
  registry: string,
  { limit, current }: Held['counts'][number],
): z.output<typeof reason>[] {
  const feature = featureOf[limit];
  const there = `the registry ${registry} has ${counts[limit]} (${current}), and`;
  const target = `limits.${limit}`;
  if (feature && current > 0 && !to.features[feature]) {
    return [{ code: 'FeatureInUse', message: `${there} ${lacks(tiers, to, feature)}`, target }];
  }
  const most = to.limits[limit];
  if (!isBeyond(current, most)) return [];
  const message = `${there} the tier ${to.name} takes ${most}; ${instead(tierFor(tiers, limit, current))}`;
  return [{ code: 'QuotaExceeded', message, target }];
}

const lacks = (tiers: Tiers, to: Tier, feature: Feature, why = '') =>
  `the tier ${to.name} does not have ${says(feature)}${why}; ${instead(tierWith(tiers, feature))}`;

const instead = (better: Tier | undefined) =>
  better ? `take that away first, or choose the tier ${better.name}` : 'take that away first';

const isBeyond = (current: number, most: number) => most >= 0 && current > most;

const levelsOf = (category: Category): Level[] => (category === 'oauth' ? ['registry'] : ['registry', 'identity']);

function rateOf({ rates }: Tier, category: Category, level: Level): number {
  const rate: { registry: number; identity?: number } = rates[category];
  return rate[level] ?? -1;
}

function compare(
  name: string,
  from: number,
  to: number,
  show = (value: number) => (value < 0 ? 'no limit' : `${value}`),
) {
  const size = (value: number) => (value < 0 ? Infinity : value);
  return {
    less: size(to) < size(from),
    more: size(to) > size(from),
    line: { name, from: show(from), to: show(to) },
  };
}
