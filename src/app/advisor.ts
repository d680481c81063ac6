import { resolve } from 'node:path';
import { type Catalog, dayOf, looseReleases, regionPullsOf } from '../catalog/index.ts';
import { checksOn, recommend, recommendationHandlers, recommendationType } from '../advisor/index.ts';
import { type Configuration, tlsOf } from '../configuration.ts';
import { listenerChecks, type ListenerFacts } from '../http/index.ts';
import { accessChecks, bootstrapChecks, takeSnapshot } from '../identity/index.ts';
import { keyChecks } from '../keys/index.ts';
import type { ServedType } from '../management/index.ts';
import { groupScope } from '../operations/index.ts';
import {
  lockChecks,
  mostRepositories,
  regionChecks,
  regionDays,
  registryChecks,
  type RegistryRegions,
  type RegistryReleases,
  releaseDays,
} from '../registries/index.ts';
import type { Access } from './access.ts';

/** The checks of all capabilities. */
export const checks = {
  registryChecks,
  regionChecks,
  lockChecks,
  accessChecks,
  bootstrapChecks,
  keyChecks,
  listenerChecks,
};

/** The advisor with every capability's checks, and the facts that each looks at. */
export function advisorType(config: Configuration, access: Access, catalog: Catalog): ServedType {
  const { mirror, directory, rightUses, identification } = access;
  const { passwords, now } = identification;
  const serverId = groupScope;
  const looks = [
    checksOn(keyChecks, () => ({ sealed: access.keys.sealed, serverId })),
    checksOn(listenerChecks, () => listenerFacts(config, serverId)),
    checksOn(bootstrapChecks, () => ({ bootstrap: config.bootstrap, serverId })),
    checksOn(registryChecks, () => directory().registries),
    checksOn(regionChecks, () => regionsOf(config, access, catalog)),
    checksOn(lockChecks, () => releasesOf(access, catalog)),
    checksOn(accessChecks, () => takeSnapshot({ mirror, directory: directory(), passwords, rightUses, now: now() })),
  ];
  return { type: recommendationType, handlers: recommendationHandlers(() => recommend(looks, now())) };
}

/** The tier of each registry, and where clients pulled from it of late. */
async function regionsOf({ network }: Configuration, { mirror, directory }: Access, catalog: Catalog) {
  if (network.regions.length === 0) return [];
  const days = { last: dayOf(catalog.now()), count: regionDays };
  const facts: RegistryRegions[] = [];
  for (const { id, name, resourceId } of directory().registries) {
    const sku = mirror.get(resourceId)?.sku?.['name'];
    if (typeof sku !== 'string' || sku === 'Premium') continue;
    facts.push({ name, resourceId, sku, regions: await regionPullsOf(catalog, id, days) });
  }
  return facts;
}

/** Releases of each registry that are pulled and may be changed. */
async function releasesOf({ directory }: Access, catalog: Catalog): Promise<RegistryReleases[]> {
  const facts: RegistryReleases[] = [];
  const since = catalog.now() - releaseDays * 86_400_000;
  const { registries } = directory();
  // Each gets a part of what is looked at in all.
  const most = Math.max(1, Math.floor(mostRepositories / registries.length));
  for (const { id, name, resourceId } of registries.slice(0, mostRepositories)) {
    facts.push({ name, resourceId, loose: await looseReleases(catalog, id, { since, most }) });
  }
  return facts;
}

function listenerFacts(config: Configuration, serverId: string): ListenerFacts {
  const { listen, publicUrl, data } = config;
  return { listen, hasTls: tlsOf(config) !== undefined, publicUrl, data: resolve(data), serverId };
}
