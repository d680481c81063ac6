import { randomUUID } from 'node:crypto';
import { buildRouteMap } from '@stricli/core';
import { roleDefinitionType } from '../../../identity/index.ts';
import { groupScope } from '../../../operations/index.ts';
import { UsageError } from '../../failure.ts';
import type { Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import { confirmFlag, type ConfirmFlag, requiredText, textFlag } from '../flags.ts';
import { flat } from '../present.ts';
import { readDefinition } from './read-definition.ts';
import { roleNamed, rolesAt } from './roles.ts';

const columns: Columns = { Name: 'roleName', Id: 'name', Type: 'roleType', Description: 'description' };
const name = { ...requiredText, placeholder: 'name|id', brief: 'Name of the role, or its GUID' } as const;
const aliases = { n: 'name' } as const;
const roleDefinition = {
  ...requiredText,
  placeholder: '@file|json',
  brief: 'The role, as az takes it or show prints it',
} as const;

const list = manageCommand<{ name?: string; customRoleOnly: boolean; scope?: string }>({
  brief: 'List roles',
  examples: ['role definition list -o table', `role definition list --custom-role-only --query "[].roleName" -o tsv`],
  flags: {
    name: { ...name, optional: true },
    customRoleOnly: { kind: 'boolean', default: false, withNegated: false, brief: 'Leave out the built-in ones' },
    scope: { ...textFlag, placeholder: 'id', brief: 'Where they are to be assigned' },
  },
  aliases,
  columns,
  async run({ client }, flags) {
    const all = await rolesAt(client, flags.scope ?? groupScope);
    const wanted = flags.name?.toLowerCase();
    const named = all.filter(
      (role) =>
        wanted === undefined || role.name.toLowerCase() === wanted || role.properties.roleName.toLowerCase() === wanted,
    );
    return named.filter(({ properties }) => !flags.customRoleOnly || properties.type === 'CustomRole').map(flat);
  },
});

const show = manageCommand<{ name: string }>({
  brief: 'Show a role with all that it allows',
  examples: ['role definition show --name AcrPull', 'role definition show --name "Team reader" > role.json'],
  flags: { name },
  aliases,
  columns,
  run: async ({ client }, flags) => flat(roleNamed(await rolesAt(client), flags.name)),
});

const create = manageCommand<{ roleDefinition: string }>({
  brief: 'Create a role',
  details: 'Creates a role of your own. One of that name that is there already is replaced.',
  examples: [
    'role definition create --role-definition @role.json',
    `role definition create --role-definition '{"Name": "Team reader", ` +
      `"DataActions": ["Microsoft.ContainerRegistry/registries/repositories/content/read"]}'`,
  ],
  flags: { roleDefinition },
  columns,
  async run({ client }, flags) {
    const { roleName, guid, properties } = await readDefinition('--role-definition', flags.roleDefinition);
    const before = (await rolesAt(client)).find(
      (role) =>
        role.properties.roleName.toLowerCase() === roleName.toLowerCase() && role.properties.type === 'CustomRole',
    );
    const place = before?.id ?? idOfRole(guid ?? randomUUID());
    return flat(await client.put(roleDefinitionType, place, { properties }));
  },
});

const update = manageCommand<{ roleDefinition: string }>({
  brief: 'Replace a role of your own',
  details:
    'Replaces a role of your own, which is found by its GUID, else by its name. Whoever has it may do what it says then.',
  examples: ['role definition update --role-definition @role.json'],
  flags: { roleDefinition },
  columns,
  async run({ client }, flags) {
    const { roleName, guid, properties } = await readDefinition('--role-definition', flags.roleDefinition);
    const { id, etag, properties: before } = roleNamed(await rolesAt(client), guid ?? roleName);
    if (before.type === 'BuiltInRole') {
      throw new UsageError(`${before.roleName} is built in and stays as it is; give a role of your own another name`);
    }
    return flat(await client.put(roleDefinitionType, id, { properties }, { ifMatch: etag }));
  },
});

const remove = manageCommand<{ name: string } & ConfirmFlag>({
  brief: 'Delete a role of your own',
  details: 'Deletes a role of your own. Assignments of it stay and give nothing.',
  examples: ['role definition delete --name "Team reader" --yes'],
  flags: { name, ...confirmFlag },
  aliases: { ...aliases, y: 'yes' },
  async run(connection, flags) {
    const { client } = connection;
    const role = roleNamed(await rolesAt(client), flags.name);
    await confirm(connection, flags, `deleting the role ${role.properties.roleName}`);
    await client.delete(roleDefinitionType, role.id);
  },
});

function idOfRole(guid: string): string {
  return `${groupScope}/providers/${roleDefinitionType.type}/${guid}`;
}

export const roleDefinitionRoutes = buildRouteMap({
  routes: { list, show, create, update, delete: remove },
  docs: { brief: 'Roles: what somebody who has one may do' },
});
