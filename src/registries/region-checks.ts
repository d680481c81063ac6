import type { Check } from '../operations/index.ts';

/** A registry with its tier, and how often clients of each region pulled from it of late, the most first. */
export interface RegistryRegions {
  name: string;
  resourceId: string;
  sku: string;
  regions: readonly { region: string; pulls: number }[];
}

/** Days that count. */
export const regionDays = 7;
/** Regions that a finding names. */
const mostNamed = 5;

/** What speaks against the tier of a registry, by where its clients are. */
export const regionChecks: readonly Check<readonly RegistryRegions[]>[] = [
  {
    id: 'clients-in-several-regions',
    severity: 'low',
    title: 'Clients of several regions pull from a registry without replications',
    why:
      'Whoever is far away waits for each layer, pays for the traffic between regions, and has no image when the one region ' +
      'is away. Premium has replications: change the tier, then add one for each region that pulls.',
    look: (registries) =>
      registries
        .filter(({ sku, regions }) => sku !== 'Premium' && regions.length > 1)
        .map(({ name, resourceId, sku, regions }) => ({
          resourceId,
          problem:
            `The registry ${name} is ${sku}, and clients in ${regions.length} regions pulled from it in the last ` +
            `${regionDays} days: ${named(regions)}`,
          commands: [['bonded', 'acr', 'update', '--name', name, '--sku', 'Premium']],
        })),
  },
];

function named(regions: RegistryRegions['regions']): string {
  const some = regions.slice(0, mostNamed).map(({ region, pulls }) => `${region} (${pulls})`);
  return regions.length > mostNamed ? `${some.join(', ')} …` : some.join(', ');
}
