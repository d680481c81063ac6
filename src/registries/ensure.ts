import { groupScope } from '../operations/index.ts';
import type { Resources } from '../resources/index.ts';
import { defaultTier } from '../tiers/index.ts';
import { registryType } from './contract.ts';

export function registryId(name: string): string {
  return `${groupScope}/providers/${registryType.type}/${name}`;
}

/** Makes the resource of a registry that the configuration names, unless there is one. */
export async function ensureRegistryResource(resources: Resources, name: string): Promise<void> {
  const id = registryId(name);
  if (await resources.get(id)) return;
  const properties = registryType.properties.parse({});
  const body = { location: 'local', sku: { name: defaultTier, tier: defaultTier }, properties };
  await resources.db.write(async (tx) => {
    // Another process may have been faster.
    await resources.lock(tx);
    if (await resources.get(id, tx)) return;
    await resources.put(id, body, { by: 'configuration', tx });
  });
}
