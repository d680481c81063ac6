import type { LookUps } from '../database/index.ts';
import { scopeMapType } from '../identity/index.ts';
import type { ManagementOptions } from '../management/index.ts';
import { parseArmId } from '../operations/index.ts';
import { createTierGates, registryType, type TierGates } from '../registries/index.ts';
import { replicationType } from '../replication/index.ts';
import type { Resource } from '../resources/index.ts';
import {
  type CountLimit,
  type Feature,
  readTier,
  requireAtMost,
  requireFeature,
  requireLimit,
  tierNameOf,
  tierHandlers,
  tierType,
  type UsageSources,
} from '../tiers/index.ts';
import type { Access } from './access.ts';

/** Of the replications of a registry, those that every tier has. */
const homeRegions = 1;

/** What the tier of a registry says to each write in it: features and numbers of what a type declares. */
export function admitByTier({ resources, tiers }: Access): NonNullable<ManagementOptions['admit']> {
  return async ({ tx, id, type }, { properties }, previous) => {
    const feature = previous ? undefined : (type.feature as Feature | undefined);
    const limit = previous ? undefined : (type.limit as CountLimit | undefined);
    const isMap = type.type === scopeMapType.type;
    if (feature === undefined && limit === undefined && !isMap) return;
    const owner = registryOf(id);
    const registry = owner === undefined ? undefined : await resources.get(owner, tx);
    // Without one, the write is refused for that.
    if (!registry) return;
    const name = tierNameOf(registry);
    const tier = (await readTier(resources, name, tx)) ?? tiers.of(name);
    const gated = { registry: registry.name, tier, tiers };
    if (feature !== undefined) requireFeature(gated, feature);
    if (limit !== undefined) {
      const always = type.type === replicationType.type ? homeRegions : 0;
      const most = tier.limits[limit] < 0 ? 0 : tier.limits[limit] + always;
      requireLimit(gated, limit, (await resources.count(type.type, parseArmId(id)!.parent!, most, tx)) - always);
    }
    if (isMap) {
      const actions = (properties['actions'] as string[]).length;
      const aimed = { ...gated, target: 'properties.actions' };
      requireAtMost(aimed, 'actionsPerScopeMap', actions);
      requireAtMost(aimed, 'repositoriesPerScopeMap', actions);
    }
  };
}

/** What the tiers have to say of a registry's own resource. */
export function tierGatesOf({ tiers, resources, mirror }: Access, sources: UsageSources): TierGates {
  return createTierGates({
    tiers,
    resources,
    sources,
    largestScopeMap: (registry) =>
      mirror
        .list(scopeMapType.type, registry)
        .reduce((most, { properties }) => Math.max(most, (properties['actions'] as unknown[]).length), 0),
  });
}

/** Tiers as a served type. */
export function servedTiers({ mirror, resources }: Access) {
  async function registriesOf(tier: string, reader?: LookUps): Promise<string[]> {
    const names = (some: readonly Resource[]) =>
      some.filter((registry) => tierNameOf(registry).toLowerCase() === tier.toLowerCase()).map(({ name }) => name);
    if (!reader) return names(mirror.list(registryType.type));
    const found: string[] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await resources.list({ type: registryType.type, after }, reader);
      found.push(...names(page.resources));
      after = page.after;
    }
    return found;
  }
  return {
    type: tierType,
    handlers: tierHandlers({ registriesOf }),
  };
}

/** The id of the registry that an id lies in. */
function registryOf(id: string): string | undefined {
  for (let arm = parseArmId(id); arm?.parent !== undefined; arm = parseArmId(arm.parent)) {
    if (arm.type.toLowerCase() === registryType.type.toLowerCase()) return arm.id;
  }
  return undefined;
}
