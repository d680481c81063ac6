import { type Catalog, looseReleases } from '../catalog/index.ts';
import type { RegistryFacts } from './facts.ts';
import { releaseDays, type RegistryReleases } from './lock-checks.ts';

const dayMs = 86_400_000;
/** Repositories that are looked at, of all registries together. */
const mostRepositories = 1000;

/** Releases of each registry that are pulled and may be changed. */
export async function releasesOf(catalog: Catalog, registries: readonly RegistryFacts[]): Promise<RegistryReleases[]> {
  const facts: RegistryReleases[] = [];
  const since = catalog.now() - releaseDays * dayMs;
  // Each registry gets its part.
  const most = Math.max(1, Math.floor(mostRepositories / registries.length));
  for (const { id, name, resourceId } of registries.slice(0, mostRepositories)) {
    facts.push({ name, resourceId, loose: await looseReleases(catalog, id, { since, most }) });
  }
  return facts;
}
