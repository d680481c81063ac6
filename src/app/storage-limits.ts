import { createStorageLimiter, forgetLimits, type StorageLimiter, type StorageLimits } from '../catalog/index.ts';
import { type RegistryFacts, repositoryLimit } from '../registries/index.ts';
import type { Tiers } from '../tiers/index.ts';

/** Another object once there are others. */
interface Registries {
  readonly registries: readonly RegistryFacts[];
}

/** How much the tier of a registry lets it store (bytes). */
function tierLimit({ tier }: RegistryFacts, tiers: Tiers): number | undefined {
  const { maxStorage } = tiers.of(tier).limits;
  return maxStorage < 0 ? undefined : maxStorage;
}

/** The limit of a registry (bytes), and whether it is its own or that of its tier: the lower one counts. */
export function registryLimit(
  registry: RegistryFacts,
  tiers: Tiers,
): { limit: number; by: 'quota' | 'tier' } | undefined {
  const [own, tier] = [registry.storageQuota?.limitBytes, tierLimit(registry, tiers)];
  if (own !== undefined && (tier === undefined || own <= tier)) return { limit: own, by: 'quota' };
  return tier === undefined ? undefined : { limit: tier, by: 'tier' };
}

/** What registries may store, by what their resources say now. */
export function createStorageLimits(directory: () => Registries, tiers: Tiers): StorageLimiter {
  let of: Registries | undefined;
  let limits = new Map<number, StorageLimits>();
  /** The same in words, to be compared. */
  let said = new Map<number, string>();
  const limiter = createStorageLimiter((registryId) => {
    const now = directory();
    if (now !== of) {
      of = now;
      limits = new Map();
      const before = said;
      said = new Map();
      for (const registry of now.registries) {
        const found = limitsOf(registry, tiers);
        if (!found) continue;
        limits.set(registry.id, found);
        said.set(registry.id, JSON.stringify([found.registry, registry.storageQuota]));
      }
      for (const id of new Set([...before.keys(), ...said.keys()]))
        if (before.get(id) !== said.get(id)) forgetLimits(limiter, id);
    }
    return limits.get(registryId);
  });
  return limiter;
}

function limitsOf(registry: RegistryFacts, tiers: Tiers): StorageLimits | undefined {
  const { storageQuota = {} } = registry;
  const limit = registryLimit(registry, tiers)?.limit;
  if (limit === undefined && !storageQuota.repositories?.length) return undefined;
  return { registry: limit, repository: (name) => repositoryLimit(storageQuota, name)?.limitBytes };
}
