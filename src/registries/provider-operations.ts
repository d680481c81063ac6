import { z } from 'zod';
import { permissionActions, permissions } from '../access/index.ts';
import {
  apiVersions,
  permissionOf,
  type ProviderAction,
  providerAction,
  type ResourceType,
} from '../operations/index.ts';

const namespace = 'Microsoft.ContainerRegistry';
const provider = 'Microsoft Container Registry';

/** `GET /providers/Microsoft.ContainerRegistry/operations`: what a role can name. */
export const listOperations = providerAction({
  namespace,
  name: 'operations',
  level: 'tenant',
  method: 'GET',
  description: 'Lists what a role can allow, of the management of registries and of what is in them.',
  apiVersions: apiVersions.containerRegistry,
  permission: `${namespace}/operations/read`,
  output: z.object({
    value: z.array(
      z.object({
        name: z.string(),
        isDataAction: z.boolean(),
        origin: z.string(),
        display: z.object({
          provider: z.string(),
          resource: z.string(),
          operation: z.string(),
          description: z.string(),
        }),
      }),
    ),
  }),
});

type Operation = z.output<NonNullable<typeof listOperations.output>>;

/** Every action and data action of the provider, by name. */
export function operationsOf(types: readonly ResourceType[], actions: readonly ProviderAction[]): Operation {
  const found = new Map<string, [resource: string, operation: string, description: string, isDataAction: boolean]>();
  const add = (name: string, resource: string, operation: string, description: string, isData = false) => {
    if (name.startsWith(`${namespace}/`) && !found.has(name))
      found.set(name, [resource, operation, description, isData]);
  };
  for (const type of types) {
    const { verbs, permissions: own, path, description } = type;
    add(own.read, path, 'Read', description);
    if (verbs.includes('put') || verbs.includes('patch')) add(own.write, path, 'Create or change', description);
    if (verbs.includes('delete')) add(own.delete, path, 'Delete', description);
    for (const [name, action] of Object.entries(type.actions))
      add(permissionOf(type.type, name, action), path, name, action.description);
  }
  for (const action of actions) {
    add(permissionOf(action.namespace, action.name, action), 'provider', action.name, action.description);
  }
  for (const permission of permissions) {
    const { data, legacy } = permissionActions[permission];
    add(legacy, 'registries', permission, `${permission} of a registry whose roles are not bounded to repositories.`);
    add(data, 'registries/repositories', permission, `${permission} of what is in repositories.`, true);
  }
  const value = [...found].map(([name, [resource, operation, description, isDataAction]]) => ({
    name,
    isDataAction,
    origin: 'user,system',
    display: { provider, resource, operation, description },
  }));
  return { value: value.toSorted((one, other) => (one.name < other.name ? -1 : 1)) };
}
