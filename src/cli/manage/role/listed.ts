import { identityType, type roleAssignmentType } from '../../../identity/index.ts';
import { ManagementClientError, type ManagementClient, type WireResource } from '../../../operations/index.ts';
import type { Columns } from '../../output/index.ts';
import { flat } from '../present.ts';
import { commonPrefix } from '../short-ids.ts';
import type { Assignee } from './assignee.ts';
import { type Role, rolesAt } from './roles.ts';

export type Assignment = WireResource<typeof roleAssignmentType>;

export const columns: Columns = {
  Principal: 'principalName || principalId',
  Role: 'roleDefinitionName',
  Scope: `replace(scope, '${commonPrefix}', '')`,
  Condition: "condition && 'yes'",
  Name: 'name',
};

/** What people call the parts of assignments. */
export interface Names {
  roles: readonly Role[];
  identities: ReadonlyMap<string, string>;
}

export async function namesOf(client: ManagementClient): Promise<Names> {
  const [roles, identities] = await Promise.all([rolesAt(client), identitiesOf(client)]);
  return { roles, identities };
}

/** Names by principal id; none for whoever may not read identities. */
async function identitiesOf(client: ManagementClient): Promise<Map<string, string>> {
  try {
    const all = await client.list(identityType);
    return new Map(all.map(({ name, properties }) => [properties.principalId ?? '', name]));
  } catch (error) {
    if (error instanceof ManagementClientError && error.status === 403) return new Map();
    throw error;
  }
}

/** An assignment as `az` prints it, with the names of role and principal. */
export function listed({ roles, identities }: Names, assignment: Assignment): Record<string, unknown> {
  const { principalType, principalId = '', issuer, claims, roleDefinitionId } = assignment.properties;
  const role = roles.find(({ name }) => name.toLowerCase() === guidOf(roleDefinitionId));
  const principalName =
    principalType === 'Claims'
      ? Object.entries(claims ?? {})
          .map((pair) => pair.join('='))
          .join(', ')
      : principalType === 'Group'
        ? `${principalId} at ${issuer}`
        : (identities.get(principalId) ?? '');
  return { ...flat(assignment), principalName, roleDefinitionName: role?.properties.roleName ?? '' };
}

/** Whether an assignment is for somebody. */
export function isFor({ properties }: Assignment, { principalType, principalId, issuer, claims }: Assignee): boolean {
  const type = properties.principalType === 'User' ? 'ServicePrincipal' : properties.principalType;
  return (
    type === principalType &&
    properties.principalId === principalId &&
    properties.issuer === issuer &&
    Bun.deepEquals(properties.claims, claims)
  );
}

export function guidOf(roleDefinitionId: string): string {
  return roleDefinitionId.slice(roleDefinitionId.lastIndexOf('/') + 1).toLowerCase();
}
