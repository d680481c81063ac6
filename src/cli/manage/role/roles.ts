import type { RoleDefinition } from '../../../access/index.ts';
import { roleDefinitionType } from '../../../identity/index.ts';
import { groupScope, type ManagementClient, type WireResource } from '../../../operations/index.ts';
import { notFound } from '../../failure.ts';

export type Role = WireResource<typeof roleDefinitionType>;

/** The built-in roles and those that somebody made. */
export function rolesAt(client: ManagementClient, scope = groupScope): Promise<Role[]> {
  return client.list(roleDefinitionType, scope);
}

/** The role of a name, a GUID or an id. Throws a 404 for people. */
export function roleNamed(roles: readonly Role[], given: string): Role {
  const guid = given.slice(given.lastIndexOf('/') + 1).toLowerCase();
  const found = roles.find(
    ({ name, properties }) => name.toLowerCase() === guid || properties.roleName.toLowerCase() === given.toLowerCase(),
  );
  if (found) return found;
  throw notFound(`there is no role ${JSON.stringify(given)}; bonded role definition list shows them`);
}

/** The same as access knows it. */
export function definitionOf({ id, name, properties }: Role): RoleDefinition {
  const { roleName, description, permissions, assignableScopes, type = 'CustomRole' } = properties;
  return { id, name, roleName, description, type, permissions, assignableScopes };
}
