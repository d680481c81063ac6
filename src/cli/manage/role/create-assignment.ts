import { createHash } from 'node:crypto';
import type { RoleAssignmentMode } from '../../../access/index.ts';
import { roleAssignmentType } from '../../../identity/index.ts';
import { ManagementClientError, type ManagementClient } from '../../../operations/index.ts';
import { registryType } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import { requiredText, textFlag } from '../flags.ts';
import { type Assignee, type AssigneeFlags, assigneeFlags, assigneeOf } from './assignee.ts';
import { type BoundFlags, boundFlags, conditionOf, uselessness } from './bounds.ts';
import { type Assignment, columns, guidOf, isFor, listed, namesOf } from './listed.ts';
import { roleNamed } from './roles.ts';
import { registryAt, type ScopeFlags, scopeFlags, scopeOf } from './scope.ts';

type Flags = AssigneeFlags & ScopeFlags & BoundFlags & { role: string; description?: string; name?: string };

export const createAssignment = manageCommand<Flags>({
  brief: 'Give somebody a role',
  details:
    'Gives a role to an identity, to a group, or to all whose tokens have certain claims: in a registry, or wherever --scope ' +
    'says. --repository bounds it to repositories by a condition. What is there already stays.',
  examples: [
    `role assignment create --assignee cluster-a --role "Container Registry Repository Reader" --repository 'shop/*' base/node`,
    'role assignment create --group platform --issuer entra --role Owner --scope /',
    'role assignment create --issuer github --claims repository_owner_id=12 ref=refs/heads/main ' +
      '--role "Container Registry Repository Writer" --repository acme/app',
  ],
  flags: {
    ...assigneeFlags,
    role: { ...requiredText, placeholder: 'name|id', brief: 'Role; bonded role definition list shows them' },
    ...scopeFlags,
    ...boundFlags,
    description: { ...textFlag, placeholder: 'text', brief: 'Why' },
    name: { ...textFlag, placeholder: 'id', brief: 'GUID of the assignment (default: one for all that it says)' },
  },
  aliases: { r: 'registry', n: 'name' },
  columns,
  async run(connection, flags) {
    const { client, note } = connection;
    const assignee = await assigneeOf(client, flags);
    if (!assignee) throw new UsageError('--assignee says for whom it is; --group or --claims with --issuer do, too');
    const scope = await scopeOf(connection, flags);
    const names = await namesOf(client);
    const role = roleNamed(names.roles, flags.role);
    const mode = await modeAt(client, scope);
    const condition = conditionOf(flags, role, mode);
    const properties = {
      roleDefinitionId: role.id,
      ...assignee,
      ...(condition !== undefined && { condition, conditionVersion: '2.0' as const }),
      ...(flags.description !== undefined && { description: flags.description }),
    };
    const guid = flags.name ?? guidFor([scope.toLowerCase(), role.name, assignee, condition]);
    const place = `${scope === '/' ? '' : scope}/providers/${roleAssignmentType.type}/${guid}`;
    const made = await client.put(roleAssignmentType, place, { properties }).catch(async (error: unknown) => {
      if (!(error instanceof ManagementClientError && error.code === 'RoleAssignmentExists')) throw error;
      return existing(client, scope, assignee, role.name, condition, error);
    });
    const useless = registryAt(scope) === undefined ? undefined : uselessness(role, mode);
    if (useless !== undefined) note(useless);
    return listed(names, made);
  },
});

/** How roles are read at a scope; above registries as they are by default. */
async function modeAt(client: ManagementClient, scope: string): Promise<RoleAssignmentMode> {
  const registry = registryAt(scope);
  if (registry === undefined) return 'AbacRepositoryPermissions';
  return (await client.get(registryType, [registry])).properties.roleAssignmentMode;
}

/** The same, under a name that somebody else chose. */
async function existing(
  client: ManagementClient,
  scope: string,
  assignee: Assignee,
  role: string,
  condition: string | undefined,
  error: unknown,
): Promise<Assignment> {
  const same = (await client.list(roleAssignmentType, scope)).find(
    (other) =>
      other.properties.scope?.toLowerCase() === scope.toLowerCase() &&
      guidOf(other.properties.roleDefinitionId) === role.toLowerCase() &&
      other.properties.condition === condition &&
      isFor(other, assignee),
  );
  if (!same) throw error;
  return same;
}

/** A GUID of version 8 (RFC 9562 §5.8), so that who says the same again changes the same. */
function guidFor(parts: readonly unknown[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
