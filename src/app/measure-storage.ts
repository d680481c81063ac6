import { bytesOf, type Catalog, registryUsage } from '../catalog/index.ts';
import { startPeriodic } from '../jobs/index.ts';
import type { RegistryFacts } from '../registries/index.ts';
import type { Metrics } from '../telemetry/index.ts';
import type { Tiers } from '../tiers/index.ts';
import { registryLimit } from './storage-limits.ts';

/** Registries that metrics have series of; the first ones by name. */
const mostRegistries = 100;
const intervalMs = 30_000;

/** Keeps the metrics of storage; returns what ends that. Each process does, so that any of them may be asked. */
export function measureStorage(
  catalog: Catalog,
  { directory, tiers }: { directory(): { readonly registries: readonly RegistryFacts[] }; tiers: Tiers },
  { storageUsed, storageLimit }: Pick<Metrics, 'storageUsed' | 'storageLimit'>,
  failed: (job: string, error: unknown) => void,
): () => Promise<void> {
  return startPeriodic({
    name: 'measure-storage',
    intervalMs,
    isOurs: () => true,
    async run() {
      const measured = directory()
        .registries.toSorted((one, other) => (one.name < other.name ? -1 : 1))
        .slice(0, mostRegistries);
      const used: number[] = [];
      for (const { id } of measured) used.push(bytesOf(await registryUsage(catalog, id)));
      // At once, so that no scrape meets half of them.
      storageUsed.reset();
      storageLimit.reset();
      for (const [at, registry] of measured.entries()) {
        const label = { registry: registry.name };
        storageUsed.set(label, used[at]!);
        const limit = registryLimit(registry, tiers)?.limit;
        if (limit !== undefined) storageLimit.set(label, limit);
      }
      return false;
    },
    failed: (error) => failed('measure-storage', error),
  });
}
