import { resolve } from 'node:path';
import { advisoriesStatus, advisoryChecks, freshnessOf, seenEcosystems } from '../advisories/index.ts';
import { admissionChecks, checkedAdmission } from '../admission/index.ts';
import { checksOn, recommend, recommendationHandlers, recommendationType } from '../advisor/index.ts';
import { type Catalog, dayOf, regionPullsOf, storageChecks } from '../catalog/index.ts';
import { type Configuration, tlsOf } from '../configuration.ts';
import { isLoopback, listenerChecks, type ListenerFacts } from '../http/index.ts';
import { accessChecks, bootstrapChecks, takeSnapshot } from '../identity/index.ts';
import { keyChecks } from '../keys/index.ts';
import type { ServedType } from '../management/index.ts';
import { checkedNetworksOf, type CheckedNetworks, networkChecks } from '../network/index.ts';
import { type CheckedScans, engineChecks, failingEngines, scanningChecks, unscannedImages } from '../scanning/index.ts';
import { groupScope } from '../operations/index.ts';
import {
  lockChecks,
  regionChecks,
  regionDays,
  registryChecks,
  type RegistryRegions,
  releasesOf,
} from '../registries/index.ts';
import { throttleChecks, type ThrottledCallers, type ThrottleFacts } from '../tiers/index.ts';
import type { Access } from './access.ts';
import { limitedStorage } from './limited-storage.ts';

/** The checks of all capabilities. */
export const checks = {
  registryChecks,
  storageChecks,
  regionChecks,
  lockChecks,
  accessChecks,
  bootstrapChecks,
  keyChecks,
  listenerChecks,
  throttleChecks,
  networkChecks,
  advisoryChecks,
  scanningChecks,
  engineChecks,
  admissionChecks,
};

async function checkedScans(
  catalog: Catalog,
  registries: readonly { id: number; name: string; resourceId: string }[],
  { now, serverId }: { now: number; serverId: string },
): Promise<CheckedScans> {
  const { db } = catalog;
  const [unscanned, { ecosystems }, { feeds }] = await Promise.all([
    unscannedImages(catalog, now),
    seenEcosystems(db),
    advisoriesStatus(db),
  ]);
  const byId = new Map(registries.map((registry) => [registry.id, registry]));
  return {
    unscanned: unscanned.flatMap(({ registryId, ...image }) => {
      const registry = byId.get(registryId);
      return registry ? [{ ...image, registry: registry.name, registryId: registry.resourceId }] : [];
    }),
    withoutAdvisories: ecosystems.filter((ecosystem) => freshnessOf(feeds, [ecosystem], now) === undefined),
    serverId,
  };
}

/** The advisor with every capability's checks, and the facts that each looks at. */
export function advisorType(
  config: Configuration,
  access: Access,
  catalog: Catalog,
  throttled: ThrottledCallers,
): ServedType {
  const { mirror, directory, rightUses, identification } = access;
  const { passwords, now } = identification;
  const serverId = groupScope;
  const looks = [
    checksOn(keyChecks, () => ({ sealed: access.keys.sealed, serverId })),
    checksOn(listenerChecks, () => listenerFacts(config, serverId)),
    checksOn(bootstrapChecks, () => ({ bootstrap: config.bootstrap, serverId })),
    checksOn(networkChecks, () => networkFacts(config, access, serverId)),
    checksOn(registryChecks, () => directory().registries),
    checksOn(throttleChecks, () => throttleFacts(access, throttled)),
    checksOn(regionChecks, () => regionsOf(config, access, catalog)),
    checksOn(lockChecks, () => releasesOf(catalog, directory().registries)),
    checksOn(storageChecks, () => limitedStorage(catalog, directory().registries, access.tiers)),
    checksOn(advisoryChecks, async () => {
      const { maxAge, refresh } = config.advisories;
      return { ...(await advisoriesStatus(catalog.db)), maxAge, refresh, now: now(), serverId };
    }),
    checksOn(scanningChecks, () => checkedScans(catalog, directory().registries, { now: now(), serverId })),
    checksOn(engineChecks, async () => {
      const names = config.scanning.engines.map(({ name }) => name);
      const nameOf = new Map(directory().registries.map(({ id, name }) => [id, name]));
      const failing = (await failingEngines(catalog.db, names)).map(({ images, ...engine }) => ({
        ...engine,
        images: images.flatMap(({ registryId, ...image }) => {
          const registry = nameOf.get(registryId);
          return registry === undefined ? [] : [{ ...image, registry }];
        }),
      }));
      return { failing, serverId };
    }),
    checksOn(admissionChecks, async () => {
      const { feeds } = await advisoriesStatus(catalog.db);
      const has = (feed: string) => feeds.some(({ id, okAt }) => id === feed && okAt !== undefined);
      const known = { exploited: has('kev'), predicted: has('epss') };
      return checkedAdmission(catalog, mirror, directory().registries, { now: now(), known });
    }),
    checksOn(accessChecks, () => takeSnapshot({ mirror, directory: directory(), passwords, rightUses, now: now() })),
  ];
  return { type: recommendationType, handlers: recommendationHandlers(() => recommend(looks, now())) };
}

async function throttleFacts({ directory, tiers }: Access, throttled: ThrottledCallers): Promise<ThrottleFacts> {
  const known = directory();
  const names = new Map(known.identities.map(({ principalId, name }) => [principalId, name]));
  const recent = await throttled.recent();
  return {
    tiers,
    throttled: recent.flatMap((caller) => {
      const registry = known.registry(caller.registryId);
      if (!registry) return [];
      const { name, resourceId, tier } = registry;
      const whom = caller.identity === 'all' ? 'somebody' : (names.get(caller.identity) ?? caller.identity);
      return [{ ...caller, registry: name, resourceId, tier: tiers.of(tier), name: whom }];
    }),
  };
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

function listenerFacts(config: Configuration, serverId: string): ListenerFacts {
  const { listen, network, publicUrl, data } = config;
  return {
    listen,
    listeners: network.listeners,
    hasTls: tlsOf(config) !== undefined,
    publicUrl,
    data: resolve(data),
    serverId,
  };
}

function networkFacts(config: Configuration, { mirror, directory }: Access, serverId: string): CheckedNetworks {
  const { listen, network, publicUrl, trustedProxies } = config;
  const isReachable = publicUrl !== undefined || trustedProxies.length > 0 || !isLoopback(listen.host);
  const registries = checkedNetworksOf(mirror, directory().registries, network);
  return { registries, isReachable, config: network, trustedProxies, serverId };
}
