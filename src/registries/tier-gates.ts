import type { LookUps, Transaction } from '../database/index.ts';
import { ManagementError } from '../operations/index.ts';
import type { Resource, ResourceBody, Resources } from '../resources/index.ts';
import {
  countsOf,
  defaultTier,
  type Held,
  readTier,
  requireAtMost,
  requireFeature,
  type Tier,
  tierChange,
  tierNameOf,
  type TierChange,
  type Tiers,
  type UsageSources,
  usagesOf,
  usedFeatures,
} from '../tiers/index.ts';

export interface TierGateOptions {
  tiers: Tiers;
  resources: Resources;
  sources: UsageSources;
  /** The most actions that a scope map of a registry (an id) has. */
  largestScopeMap(registry: string): number;
}

/** What the tier of a registry has to say about its resource. */
export function createTierGates({ tiers, resources, sources, largestScopeMap }: TierGateOptions) {
  /** As it is in the transaction: what was edited in another process a moment ago counts. */
  const tierIn = (name: string, reader: LookUps) => readTier(resources, name, reader);

  async function heldBy(registry: Resource, next: ResourceBody, reader: LookUps): Promise<Held> {
    const counts = await countsOf(resources, { ...registry, properties: next.properties }, reader);
    const perMap = largestScopeMap(registry.id);
    return {
      registry: registry.name,
      storage: await sources.storage(registry.name, reader),
      counts: [
        ...counts.map(({ limit, current }) => ({ limit, current })),
        { limit: 'actionsPerScopeMap', current: perMap },
        { limit: 'repositoriesPerScopeMap', current: perMap },
      ],
      features: usedFeatures(next.properties),
    };
  }

  return {
    /**
     * The body of a registry as it may be stored: with the name of its tier as that is written. Throws
     * InvalidRequestContent where there is no such tier, and Conflict, with all reasons, where it does not allow what the
     * registry has or is to have. What is on already stays on, whatever somebody has made of the tier since.
     */
    async beforeWrite(
      { tx, name }: { tx: Transaction; name: string },
      next: ResourceBody,
      previous: Resource | undefined,
    ): Promise<ResourceBody> {
      const wanted = tierNameOf(next.sku ? next : (previous ?? next));
      const tier = await tierIn(wanted, tx);
      if (!tier) throw noSuchTier(wanted);
      const former = previous && ((await tierIn(tierNameOf(previous), tx)) ?? tiers.of(defaultTier));
      if (former && former.name !== tier.name) {
        requireAllowed(tierChange(tiers, former, tier, await heldBy(previous, next, tx)));
      } else {
        requireUsable({ registry: name, tier, tiers }, next, previous);
      }
      return { ...next, sku: { name: tier.name, tier: tier.name } };
    },

    /** What a change to another tier would mean, without making it. */
    async checkTierChange(input: unknown, registry: Resource): Promise<TierChange> {
      const wanted = (input as { sku: { name: string } }).sku.name;
      const to = await tierIn(wanted, resources.db);
      if (!to) throw noSuchTier(wanted);
      const from = tiers.of(tierNameOf(registry));
      return tierChange(tiers, from, to, await heldBy(registry, registry, resources.db));
    },

    listUsages: (registry: Resource) =>
      usagesOf({ resources, sources }, registry, tiers.of(tierNameOf(registry)), resources.db),
  };
}

export type TierGates = ReturnType<typeof createTierGates>;

function requireAllowed({ allowed, from, to, blocks }: TierChange): void {
  if (allowed) return;
  const reasons = blocks.map(({ message }) => message).join('; ');
  throw new ManagementError('Conflict', `the registry cannot change from ${from} to ${to}: ${reasons}`, {
    target: 'sku.name',
    details: blocks,
  });
}

/** What a write newly asks for must be in the tier. */
function requireUsable(
  gated: { registry: string; tier: Tier; tiers: Tiers },
  next: ResourceBody,
  previous: Resource | undefined,
): void {
  const before = new Set(previous && usedFeatures(previous.properties).map(({ target }) => target));
  for (const { feature, target } of usedFeatures(next.properties)) {
    if (!before.has(target)) requireFeature({ ...gated, target }, feature);
  }
  for (const [list, limit] of [
    ['ipRules', 'ipRules'],
    ['virtualNetworkRules', 'virtualNetworkRules'],
  ] as const) {
    const [wanted, had] = [next, previous].map((body) => rulesOf(body, list));
    if (wanted! > had!) requireAtMost({ ...gated, target: `properties.networkRuleSet.${list}` }, limit, wanted!);
  }
}

function rulesOf(body: Pick<ResourceBody, 'properties'> | undefined, list: string): number {
  const rules = body?.properties['networkRuleSet'] as Record<string, unknown[] | undefined> | undefined;
  return rules?.[list]?.length ?? 0;
}

function noSuchTier(name: string): ManagementError {
  return new ManagementError(
    'InvalidRequestContent',
    `sku.name: there is no tier ${name}; bonded tier list shows them`,
    {
      target: 'sku.name',
    },
  );
}
