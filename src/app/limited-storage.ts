import { bytesOf, type Catalog, largestRepositories, type LimitedStorage, registryUsage } from '../catalog/index.ts';
import { type RegistryFacts, repositoryLimit } from '../registries/index.ts';
import type { Tiers } from '../tiers/index.ts';
import { registryLimit } from './storage-limits.ts';

/** Repositories of a registry that are looked at; of more, the smaller ones have to be looked up. */
const mostRepositories = 1000;
const most = 100;

/** All that the advisor is to know of limits: registries, and their largest repositories. */
export async function limitedStorage(
  catalog: Catalog,
  registries: readonly RegistryFacts[],
  tiers: Tiers,
): Promise<LimitedStorage[]> {
  const found: LimitedStorage[] = [];
  for (const registry of registries) {
    const { id, name, resourceId, storageQuota = {} } = registry;
    const own = registryLimit(registry, tiers);
    const about = { resourceId, registry: name };
    if (own) {
      const used = bytesOf(await registryUsage(catalog, id));
      const raise =
        own.by === 'quota' ? [[...updateOf(name), '--storage-limit', `${raised(used)}`]] : [upgradeOf(name)];
      found.push({ ...about, repository: undefined, used, limit: own.limit, raise });
    }
    const { repositories = [] } = storageQuota;
    if (repositories.length === 0) continue;
    for (const size of await largestRepositories(catalog, id, mostRepositories)) {
      const limit = repositoryLimit(storageQuota, size.name);
      if (!limit) continue;
      const used = bytesOf(size);
      // Before those that name more than this one.
      const rest = repositories.filter(({ repository }) => repository !== size.name).slice(0, most - 1);
      const limits = [{ repository: size.name, limitBytes: raised(used) }, ...rest];
      const words = limits.map(({ repository, limitBytes }) => `${repository}=${limitBytes}`);
      const raise = [[...updateOf(name), '--repository-storage-limits', ...words]];
      found.push({ ...about, repository: size.name, used, limit: limit.limitBytes, raise });
    }
  }
  return found;
}

const updateOf = (registry: string) => ['bonded', 'acr', 'update', '--name', registry];
const upgradeOf = (registry: string) => [...updateOf(registry), '--sku', 'Premium'];

const gib = 2 ** 30;

/** Twice what is used, in whole GiB. */
const raised = (used: number): number => Math.max(1, Math.ceil((2 * used) / gib)) * gib;
