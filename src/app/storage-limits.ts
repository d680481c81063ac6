import { createStorageLimiter, type StorageLimiter, type StorageLimits } from '../catalog/index.ts';
import { type RegistryFacts, repositoryLimit } from '../registries/index.ts';

/** Another object once there are others. */
interface Registries {
  readonly registries: readonly RegistryFacts[];
}

/** How much the tier of a registry lets it store (bytes): the one place where that comes in. No tier has a limit yet. */
const tierLimit: (registry: RegistryFacts) => number | undefined = () => undefined;

/** The limit of a registry (bytes), and whether it is its own or that of its tier: the lower one counts. */
export function registryLimit(registry: RegistryFacts): { limit: number; by: 'quota' | 'tier' } | undefined {
  const [own, tier] = [registry.storageQuota?.limitBytes, tierLimit(registry)];
  if (own !== undefined && (tier === undefined || own <= tier)) return { limit: own, by: 'quota' };
  return tier === undefined ? undefined : { limit: tier, by: 'tier' };
}

/** What registries may store, by what their resources say now. */
export function createStorageLimits(directory: () => Registries): StorageLimiter {
  let of: Registries | undefined;
  let limits = new Map<number, StorageLimits>();
  return createStorageLimiter((registryId) => {
    const now = directory();
    if (now !== of) {
      limits = new Map(
        now.registries.flatMap((registry) => {
          const found = limitsOf(registry);
          return found ? [[registry.id, found]] : [];
        }),
      );
      of = now;
    }
    return limits.get(registryId);
  });
}

function limitsOf(registry: RegistryFacts): StorageLimits | undefined {
  const { storageQuota = {} } = registry;
  const limit = registryLimit(registry)?.limit;
  if (limit === undefined && !storageQuota.repositories?.length) return undefined;
  return { registry: limit, repository: (name) => repositoryLimit(storageQuota, name)?.limitBytes };
}
