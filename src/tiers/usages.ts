import { z } from 'zod';
import type { LookUps } from '../database/index.ts';
import { action } from '../operations/index.ts';
import type { Resource, Resources } from '../resources/index.ts';
import type { CountLimit } from './contract.ts';
import type { Tier } from './tiers.ts';

/** One line of `listUsages` (acr §1.4). */
export interface Usage {
  name: string;
  limit: number;
  currentValue: number;
  unit: 'Bytes' | 'Count';
}

/** What nobody but others knows of a registry, as of a transaction where one is given. */
export interface UsageSources {
  /** Bytes that a registry stores, by its name; 0 where nothing is counted. */
  storage(registry: string, reader: LookUps): Promise<number>;
}

export const listUsages = action({
  description:
    'What the registry uses of what its tier has. `Size` is against the storage beyond which nothing is taken.',
  method: 'GET',
  permission: 'Microsoft.ContainerRegistry/registries/listUsages/read',
  output: z.object({
    value: z.array(
      z.object({
        name: z.string(),
        limit: z.number().describe('-1 for no limit.'),
        currentValue: z.number(),
        unit: z.enum(['Bytes', 'Count']),
      }),
    ),
  }),
});

const registries = 'Microsoft.ContainerRegistry/registries';

/** What is counted, in the order of ACR's answer: children of the registry, or entries of its properties. */
const counted: readonly { name: string; limit: CountLimit; child?: string; list?: string; home?: number }[] = [
  { name: 'Webhooks', limit: 'webhooks', child: 'webhooks' },
  // The home region is one of them, and none that the limit counts.
  { name: 'Geo-replications', limit: 'geoReplications', child: 'replications', home: 1 },
  { name: 'IPRules', limit: 'ipRules', list: 'ipRules' },
  { name: 'VNetRules', limit: 'virtualNetworkRules', list: 'virtualNetworkRules' },
  { name: 'PrivateEndpointConnections', limit: 'privateEndpoints', child: 'privateEndpointConnections' },
  { name: 'ScopeMaps', limit: 'scopeMaps', child: 'scopeMaps' },
  { name: 'Tokens', limit: 'tokens', child: 'tokens' },
];

/** No type has more of one parent. */
const mostCounted = 100_000;

/** How many a registry has of what its tier bounds. */
export async function countsOf(
  resources: Pick<Resources, 'count'>,
  registry: Resource,
  reader: LookUps,
): Promise<{ name: string; limit: CountLimit; current: number; home: number }[]> {
  const rules = registry.properties['networkRuleSet'] as Record<string, unknown[] | undefined> | undefined;
  return Promise.all(
    counted.map(async ({ name, limit, child, list, home = 0 }) => {
      const current =
        list === undefined
          ? await resources.count(`${registries}/${child}`, registry.id, mostCounted, reader)
          : (rules?.[list]?.length ?? 0);
      return { name, limit, current: Math.max(0, current - home), home };
    }),
  );
}

/** The answer of `listUsages`. */
export async function usagesOf(
  { resources, sources }: { resources: Pick<Resources, 'count'>; sources: UsageSources },
  registry: Resource,
  tier: Tier,
  reader: LookUps,
): Promise<{ value: Usage[] }> {
  const size = await sources.storage(registry.name, reader);
  const lines = await countsOf(resources, registry, reader);
  return {
    value: [
      { name: 'Size', limit: tier.limits.maxStorage, currentValue: size, unit: 'Bytes' },
      ...lines.map(({ name, limit, current, home }): Usage => {
        const most = tier.limits[limit];
        return { name, limit: most < 0 ? most : most + home, currentValue: current + home, unit: 'Count' };
      }),
    ],
  };
}
