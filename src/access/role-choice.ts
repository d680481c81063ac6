import { builtInRoles } from './built-in-roles.ts';
import { bitOf, type Permission, permissions, type RoleAssignmentMode } from './permissions.ts';
import { compileRole, type RoleDefinition, roleKey } from './roles.ts';

const roles = builtInRoles.map(compileRole);

const reader = 'Container Registry Repository Reader';
const writer = 'Container Registry Repository Writer';
const contributor = 'Container Registry Repository Contributor';
const lister = 'Container Registry Repository Catalog Lister';

/** ACR's map for who changes the mode of a registry (acr.md §2.6), by the mode in which a role does nothing. */
const replacements: Record<RoleAssignmentMode, Readonly<Record<string, readonly string[]>>> = {
  AbacRepositoryPermissions: {
    AcrPull: [reader, lister],
    AcrPush: [writer],
    AcrDelete: [contributor],
    Owner: [contributor, lister],
    Contributor: [contributor, lister],
    Reader: [reader, lister],
  },
  LegacyRegistryPermissions: {
    [reader]: ['AcrPull'],
    [writer]: ['AcrPush'],
    [contributor]: ['AcrPush', 'AcrDelete'],
    [lister]: ['AcrPull'],
  },
};

/** The names of the built-in roles that do in a mode what another one does in the other; none where there are none. */
export function replacementsOf({ name, roleName, type }: RoleDefinition, mode: RoleAssignmentMode): readonly string[] {
  const isBuiltIn = type === 'BuiltInRole' && roles.some(({ definition }) => definition.name === roleKey(name));
  return (isBuiltIn && replacements[mode][roleName]) || [];
}

/**
 * The built-in role with the fewest permissions on data that has a given one in a mode; undefined where none has it.
 * Of equals it is the one with less to manage: those stand first in the table.
 */
export function smallestRole(permission: Permission, mode: RoleAssignmentMode): RoleDefinition | undefined {
  const fitting = roles.filter((role) => (role.given[mode] & bitOf(permission)) !== 0);
  return fitting.toSorted((a, b) => countBits(a.given[mode]) - countBits(b.given[mode]))[0]?.definition;
}

/** What a role lets do with data in a mode, where no condition bounds it. */
export function permissionsOf(definition: RoleDefinition, mode: RoleAssignmentMode): readonly Permission[] {
  const { given } = compileRole(definition);
  return permissions.filter((permission) => (given[mode] & bitOf(permission)) !== 0);
}

function countBits(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
