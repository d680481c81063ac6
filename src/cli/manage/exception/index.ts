import { buildRouteMap } from '@stricli/core';
import { admissionExceptionType, admissionType } from '../../../admission/index.ts';
import { idOf } from '../../../operations/index.ts';
import { registryType } from '../../../registries/index.ts';
import { manageCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import { deleteExisting } from '../delete-existing.ts';
import {
  confirmFlag,
  type ConfirmFlag,
  type NameFlag,
  registryFlag,
  type RegistryFlag,
  requiredText,
} from '../flags.ts';
import { flat } from '../present.ts';
import { create } from './create.ts';
import { update } from './update.ts';
import { columns } from './columns.ts';

type Named = NameFlag & RegistryFlag;

const named = { name: { ...requiredText, placeholder: 'name', brief: 'Exception' }, ...registryFlag } as const;
const aliases = { n: 'name', r: 'registry' } as const;

const list = manageCommand<RegistryFlag>({
  brief: 'List the exceptions of a registry',
  examples: ['exception list -o table', 'exception list --query "[?state==\'AwaitingApproval\'].name" -o tsv'],
  flags: registryFlag,
  aliases: { r: 'registry' },
  columns,
  async run({ client, registry }, flags) {
    const at = idOf(registryType, [await registry(flags.registry)]);
    return (await client.list(admissionExceptionType, at)).map(flat);
  },
});

const show = manageCommand<Named>({
  brief: 'Show an exception',
  examples: ['exception show --name openssl'],
  flags: named,
  aliases,
  columns,
  run: async ({ client, registry }, flags) =>
    flat(await client.get(admissionExceptionType, [await registry(flags.registry), flags.name])),
});

const approve = manageCommand<Named>({
  brief: 'Approve an exception that somebody else has written',
  examples: ['exception approve --name openssl'],
  flags: named,
  aliases,
  columns,
  async run({ client, registry }, flags) {
    const at = [await registry(flags.registry), flags.name];
    await client.action(admissionExceptionType, admissionExceptionType.actions.approve, at);
    return flat(await client.get(admissionExceptionType, at));
  },
});

const remove = manageCommand<Named & ConfirmFlag>({
  brief: 'Delete an exception',
  details: 'Deletes an exception: what it let out is refused from now on.',
  examples: ['exception delete --name openssl --yes'],
  flags: { ...named, ...confirmFlag },
  aliases: { ...aliases, y: 'yes' },
  async run(connection, flags) {
    await confirm(connection, flags, `deleting the exception ${flags.name}`);
    const at = [await connection.registry(flags.registry), flags.name];
    await deleteExisting(connection.client, admissionExceptionType, at);
  },
});

const exportAll = manageCommand<RegistryFlag & { format: 'openvex' }>({
  brief: 'Write the exceptions that count as an OpenVEX document',
  details:
    'Writes an OpenVEX 0.2.0 document of the exceptions that have not expired, for scanners and for who runs the images.',
  examples: ['exception export --format openvex'],
  flags: {
    ...registryFlag,
    format: { kind: 'enum', values: ['openvex'], default: 'openvex', brief: 'Form of the document' },
  },
  aliases: { r: 'registry' },
  async run({ client, registry }, flags) {
    const at = [await registry(flags.registry), 'default'];
    return client.action(admissionType, admissionType.actions.exportExceptions, at);
  },
});

export const exceptionRoutes = buildRouteMap({
  routes: { create, update, list, show, approve, delete: remove, export: exportAll },
  docs: { brief: 'Vulnerabilities that policies overlook for a while' },
});
