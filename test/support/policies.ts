import {
  builtInRoles,
  compilePolicy,
  type Policy,
  type PolicySource,
  type Principal,
  type RoleAssignment,
  type RoleAssignmentMode,
  type RoleDefinition,
} from '../../src/access/index.ts';

export const group = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/bonded';

export function registryId(name: string): string {
  return `${group}/providers/Microsoft.ContainerRegistry/registries/${name}`;
}

export function builtInRole(roleName: string): RoleDefinition {
  const found = builtInRoles.find((role) => role.roleName === roleName);
  if (!found) throw new Error(`there is no role ${roleName}`);
  return found;
}

export const robot: Principal = { kind: 'identity', id: 'robot-id', name: 'robot' };

/** An assignment of a built-in role to `robot` at the registry `main`, but for what is given. */
export function assign(roleName: string, rest: Partial<RoleAssignment> = {}): RoleAssignment {
  return {
    id: `${registryId('main')}/providers/Microsoft.Authorization/roleAssignments/${roleName}`,
    name: 'one',
    scope: registryId('main'),
    roleDefinitionId: builtInRole(roleName).id,
    principal: { type: 'Identity', id: robot.id },
    ...rest,
  };
}

/** A custom role of one set. */
export function customRole(name: string, set: Partial<RoleDefinition['permissions'][number]>): RoleDefinition {
  return {
    id: `${group}/providers/Microsoft.Authorization/roleDefinitions/${name}`,
    name,
    roleName: name,
    description: '',
    type: 'CustomRole',
    permissions: [{ actions: [], notActions: [], dataActions: [], notDataActions: [], ...set }],
    assignableScopes: [group],
  };
}

/** A policy of the registries `main` and `other`. */
export function policyOf(
  assignments: readonly RoleAssignment[],
  mode: RoleAssignmentMode = 'AbacRepositoryPermissions',
  rest: Partial<PolicySource> = {},
): Policy {
  const registries = ['main', 'other'].map((name) => ({ name, id: registryId(name), roleAssignmentMode: mode }));
  return compilePolicy({ registries, roleDefinitions: [], assignments, ...rest });
}
