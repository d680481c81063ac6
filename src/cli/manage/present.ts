import { resourceGroup, type ResourceType, type WireResource } from '../../operations/index.ts';

/** What `az` calls a property that has the name of a part of its resource. */
const renamed: Record<string, Record<string, string>> = {
  'Microsoft.Authorization/roleDefinitions': { type: 'roleType' },
  'Microsoft.ContainerRegistry/registries/scopeMaps': { type: 'typePropertiesType' },
};

/** A resource as `az` prints it: its properties stand beside its name. */
export function flat<T extends ResourceType>(resource: WireResource<T>): Record<string, unknown> {
  const { id, name, type, properties, ...rest } = resource;
  const names = renamed[type] ?? {};
  const own = Object.entries(properties).map(([key, value]) => [names[key] ?? key, value] as const);
  return { id, name, type, resourceGroup, ...Object.fromEntries(own), ...rest };
}
