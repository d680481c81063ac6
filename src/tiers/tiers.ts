import type { LookUps } from '../database/index.ts';
import { groupScope } from '../operations/index.ts';
import type { Mirror, Resource, Resources } from '../resources/index.ts';
import { tierType, type TierProperties } from './contract.ts';
import { defaultTier, presets } from './presets.ts';

/** A tier as it is now. */
export interface Tier extends TierProperties {
  /** As it is written where it was created. */
  name: string;
  /** Whether anything of its rates is a cap; where none is, nobody need count. */
  hasRates: boolean;
  /** Whether a blob on its way is slowed or counted. */
  hasTransferLimits: boolean;
}

/** The tiers in the memory of this process; what is edited acts as soon as the mirror has it. */
export interface Tiers {
  /** By name, in any case; undefined where there is none. */
  named(name: string): Tier | undefined;
  /** The tier that a registry's SKU names; where that is gone, the one that has everything. */
  of(name: string): Tier;
  /** The built-in ones first, the smallest of them first. */
  all(): readonly Tier[];
}

export function tierId(name: string): string {
  return `${groupScope}/providers/${tierType.type}/${name}`;
}

/** The name of a built-in tier, as it is written; undefined of another. */
export function builtInName(name: string): string | undefined {
  return [...presets.keys()].find((one) => one.toLowerCase() === name.toLowerCase());
}

/** The name of the tier that the SKU of a registry names. */
export function tierNameOf({ sku }: Pick<Resource, 'sku'>): string {
  const name = sku?.['name'];
  return typeof name === 'string' ? name : defaultTier;
}

/** Follows the tiers of a mirror. What another version wrote and this one cannot read is as it was shipped. */
export function createTiers(mirror: Pick<Mirror, 'list' | 'onChange'>): Tiers {
  let known: ReadonlyMap<string, Tier> | undefined;
  mirror.onChange(() => (known = undefined));
  const read = () => (known ??= compile(mirror.list(tierType.type)));
  const named = (name: string) => read().get(name) ?? read().get(name.toLowerCase());
  return {
    named,
    of: (name) => named(name) ?? read().get(defaultTier.toLowerCase())!,
    all: () => [...new Set(read().values())],
  };
}

function compile(resources: readonly Resource[]): Map<string, Tier> {
  const tiers = new Map<string, Tier>();
  const add = (tier: Tier) => tiers.set(tier.name.toLowerCase(), tier);
  for (const [name, properties] of presets) add(compiled(name, properties));
  for (const { name, properties } of resources) {
    const parsed = tierType.properties.safeParse(properties);
    if (parsed.success) add(compiled(builtInName(name) ?? name, parsed.data));
  }
  // Found as it is written without making it lower-case first: that is each request.
  for (const tier of Array.from(tiers.values())) tiers.set(tier.name, tier);
  return tiers;
}

function compiled(name: string, properties: TierProperties): Tier {
  const { burstSeconds: _, ingress, egress, transfers, ...requests } = properties.rates;
  return {
    ...properties,
    name,
    hasRates: Object.values(requests).some((rate) => Object.values(rate).some((most) => most >= 0)),
    hasTransferLimits: ingress >= 0 || egress >= 0 || transfers >= 0,
  };
}

/** A tier as a transaction sees it, which this process's mirror may not yet. Undefined where there is none. */
export async function readTier(resources: Resources, name: string, reader: LookUps): Promise<Tier | undefined> {
  if (!tierType.name.pattern.test(name)) return undefined;
  const stored = await resources.get(tierId(name), reader);
  const builtIn = builtInName(name);
  const parsed = stored && tierType.properties.safeParse(stored.properties);
  if (parsed?.success) return compiled(builtIn ?? stored!.name, parsed.data);
  return builtIn === undefined ? undefined : compiled(builtIn, presets.get(builtIn)!);
}
