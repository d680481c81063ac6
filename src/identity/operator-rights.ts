import { builtInRoles, type RoleAssignment, standingRole } from '../access/index.ts';

/** Everything: the management of all registries, and their data in both modes. */
const roles = [
  'Owner',
  'Container Registry Repository Contributor',
  'Container Registry Repository Catalog Lister',
  'AcrQuarantineWriter',
];

/**
 * Role assignments that nobody wrote and nobody can remove: of the operator of the machine, and of the owner whom the
 * configuration names.
 */
export function standingAssignments(principalId: string): RoleAssignment[] {
  const builtIn = roles.map((roleName) => builtInRoles.find((candidate) => candidate.roleName === roleName)!);
  return [...builtIn, standingRole].map((role) => {
    const name = `${principalId}-${role.name}`;
    return {
      id: `/providers/Microsoft.Authorization/roleAssignments/${name}`,
      name,
      scope: '/',
      roleDefinitionId: role.id,
      principal: { type: 'Identity', id: principalId },
    };
  });
}
