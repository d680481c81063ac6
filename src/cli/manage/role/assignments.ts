import { buildRouteMap } from '@stricli/core';
import { roleAssignmentType } from '../../../identity/index.ts';
import { groupScope } from '../../../operations/index.ts';
import { notFound, UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import type { Connection } from '../connect.ts';
import { confirmFlag, type ConfirmFlag, textFlag } from '../flags.ts';
import { allWords, wordsFlag } from '../words.ts';
import { type AssigneeFlags, assigneeFlags, assigneeOf } from './assignee.ts';
import { createAssignment } from './create-assignment.ts';
import { type Assignment, columns, guidOf, isFor, listed, type Names, namesOf } from './listed.ts';
import { roleNamed } from './roles.ts';
import { type ScopeFlags, scopeFlags, scopeOf } from './scope.ts';

type Filter = AssigneeFlags & ScopeFlags & { role?: string };

const filterFlags = {
  ...assigneeFlags,
  role: { ...textFlag, placeholder: 'name|id', brief: 'Role' },
  ...scopeFlags,
} as const;
const aliases = { r: 'registry' } as const;

const list = manageCommand<Filter & { all: boolean }>({
  brief: 'List who has which role',
  details: 'Lists assignments: all of them, or those at, above and below a registry or another scope.',
  examples: [
    'role assignment list -o table',
    'role assignment list --assignee cluster-a',
    'role assignment list --role Owner',
  ],
  flags: {
    ...filterFlags,
    registry: { ...filterFlags.registry, brief: 'Registry (default: everything)' },
    all: { kind: 'boolean', default: false, withNegated: false, hidden: true, brief: 'Everything, as without --scope' },
  },
  aliases,
  columns,
  async run(connection, flags) {
    const names = await namesOf(connection.client);
    return (await matching(connection, flags, names)).map((assignment) => listed(names, assignment));
  },
});

const remove = manageCommand<Filter & { name?: string; ids?: (readonly string[])[] } & ConfirmFlag>({
  brief: 'Take roles away',
  details:
    'Deletes the assignments that all of the flags fit: of somebody, of a role, at exactly that scope, by name or id.',
  examples: [
    'role assignment delete --assignee cluster-a --role "Container Registry Repository Writer" --yes',
    'role assignment delete --name 7f951dda-4ed3-4680-a7ca-43fe172d538d --yes',
  ],
  flags: {
    ...filterFlags,
    registry: { ...filterFlags.registry, brief: 'Registry (default: wherever it is)' },
    name: { ...textFlag, placeholder: 'id', brief: 'GUID of the assignment' },
    ids: { ...wordsFlag, placeholder: 'id…', brief: 'ARM ids of assignments' },
    ...confirmFlag,
  },
  aliases: { ...aliases, n: 'name', y: 'yes' },
  async run(connection, flags) {
    const { client } = connection;
    const ids = allWords(flags.ids)?.map((id) => id.toLowerCase());
    const { assignee, assigneeObjectId, group, claims, role, scope, registry, name } = flags;
    const given = [ids, assignee, assigneeObjectId, group, claims, role, scope, registry, name];
    if (given.every((flag) => flag === undefined)) {
      throw new UsageError('--assignee, --role, --scope, --name or --ids says which assignments to delete');
    }
    const at = scope === undefined && registry === undefined ? undefined : await scopeOf(connection, flags);
    const gone = (await matching(connection, flags, await namesOf(client))).filter(
      (one) =>
        (name === undefined || one.name.toLowerCase() === name.toLowerCase()) &&
        (ids === undefined || ids.includes(one.id.toLowerCase())) &&
        (at === undefined || one.properties.scope?.toLowerCase() === at.toLowerCase()),
    );
    if (gone.length === 0) throw notFound('no role assignment is like that; bonded role assignment list shows them');
    await confirm(
      connection,
      flags,
      `deleting ${gone.length === 1 ? 'a role assignment' : `${gone.length} role assignments`}`,
    );
    for (const { id } of gone) await client.delete(roleAssignmentType, id);
  },
});

/** The assignments at, above and below a scope that fit. */
async function matching(connection: Connection, flags: Filter, { roles }: Names): Promise<Assignment[]> {
  const { client } = connection;
  const assignee = await assigneeOf(client, flags);
  const role = flags.role === undefined ? undefined : roleNamed(roles, flags.role).name.toLowerCase();
  const isOpen = flags.scope === undefined && flags.registry === undefined;
  const scope = isOpen ? groupScope : await scopeOf(connection, flags);
  return (await client.list(roleAssignmentType, scope)).filter(
    (one) =>
      (!assignee || isFor(one, assignee)) && (role === undefined || guidOf(one.properties.roleDefinitionId) === role),
  );
}

export const roleAssignmentRoutes = buildRouteMap({
  routes: { create: createAssignment, list, delete: remove },
  docs: { brief: 'Who has which role, and where' },
});
