import { buildRouteMap } from '@stricli/core';
import { admissionExceptionType, admissionType } from '../../../admission/index.ts';
import { manageCommand } from '../command.ts';
import { type NameFlag, registryFlag, type RegistryFlag, requiredText, textFlag } from '../flags.ts';
import { namedCommands } from '../named-commands.ts';
import { flat } from '../present.ts';
import { create } from './create.ts';
import { update } from './update.ts';
import { columns } from './columns.ts';

type Named = NameFlag & RegistryFlag;

const name = { ...requiredText, placeholder: 'name', brief: 'Exception' } as const;
const aliases = { n: 'name', r: 'registry' } as const;

const named = namedCommands({
  type: admissionExceptionType,
  name,
  columns,
  list: {
    brief: 'List the exceptions of a registry',
    examples: ['exception list -o table', 'exception list --query "[?state==\'AwaitingApproval\'].name" -o tsv'],
  },
  show: { brief: 'Show an exception', examples: ['exception show --name openssl'] },
  remove: {
    brief: 'Delete an exception',
    details: 'Deletes an exception: what it let out is refused from now on.',
    examples: ['exception delete --name openssl --yes'],
    asks: (exception) => `deleting the exception ${exception}`,
  },
});

const approve = manageCommand<Named & { etag?: string }>({
  brief: 'Approve an exception that somebody else has written',
  details:
    'Approves an exception that somebody else has written, as it is now. With the etag that `exception show` printed it is ' +
    'approved only if nobody has changed it since.',
  examples: ['exception approve --name openssl', 'exception approve --name openssl --etag 4f0c1d2e3a5b6978'],
  flags: {
    name,
    ...registryFlag,
    etag: { ...textFlag, placeholder: 'etag', brief: 'Etag of the exception as it was looked at' },
  },
  aliases,
  columns,
  async run({ client, registry }, flags) {
    const at = [await registry(flags.registry), flags.name];
    const { etag } = flags;
    await client.action(
      admissionExceptionType,
      admissionExceptionType.actions.approve,
      at,
      etag === undefined ? {} : { etag },
    );
    return flat(await client.get(admissionExceptionType, at));
  },
});

const exportAll = manageCommand<RegistryFlag & { format: 'openvex'; repository?: string }>({
  brief: 'Write the exceptions that count as an OpenVEX document',
  details: 'Writes an OpenVEX 0.2.0 document of the exceptions that count, for scanners and for who runs the images.',
  examples: ['exception export --format openvex', "exception export --repository 'prod/*'"],
  flags: {
    ...registryFlag,
    repository: { ...textFlag, placeholder: 'pattern', brief: 'Those of these repositories alone, such as prod/*' },
    format: { kind: 'enum', values: ['openvex'], default: 'openvex', brief: 'Form of the document' },
  },
  aliases: { r: 'registry' },
  async run({ client, registry }, flags) {
    const at = [await registry(flags.registry), 'default'];
    return client.action(admissionType, admissionType.actions.exportExceptions, at, {
      ...(flags.repository !== undefined && { repository: flags.repository }),
    });
  },
});

export const exceptionRoutes = buildRouteMap({
  routes: { create, update, ...named, approve, export: exportAll },
  docs: { brief: 'Vulnerabilities that policies overlook for a while' },
});
