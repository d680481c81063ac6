import { admissionExceptionType } from '../../../admission/index.ts';
import { manageCommand } from '../command.ts';
import { type NameFlag, registryFlag, type RegistryFlag, requiredText, textFlag } from '../flags.ts';
import { instantOrAfter } from '../instant.ts';
import { flat } from '../present.ts';
import { columns } from './columns.ts';

export const update = manageCommand<
  NameFlag & RegistryFlag & { expires?: string; statement?: string; ticket?: string }
>({
  brief: 'Have an exception end later, or say more of it',
  details:
    'Changes what the flags say. Who changes an exception approves it anew: its time begins now, and where a policy wants four ' +
    'eyes, somebody else has to approve it again.',
  examples: ['exception update --name openssl --expires 30d', 'exception update -n openssl --ticket SEC-77'],
  flags: {
    name: { ...requiredText, placeholder: 'name', brief: 'Exception' },
    ...registryFlag,
    expires: { ...textFlag, placeholder: 'time', brief: 'When it ends: 2027-01-31, or 12h, 30d, 2w from now' },
    statement: { ...textFlag, placeholder: 'text', brief: 'Why, or what is done about it' },
    ticket: { ...textFlag, placeholder: 'text', brief: 'Where it is followed up' },
  },
  aliases: { n: 'name', r: 'registry' },
  columns,
  async run({ client, registry }, { name, registry: of, expires, statement, ticket }) {
    const properties = {
      ...(expires !== undefined && { expiresOn: instantOrAfter('--expires', expires, Date.now()) }),
      ...(statement !== undefined && { statement }),
      ...(ticket !== undefined && { ticket }),
    };
    return flat(await client.patch(admissionExceptionType, [await registry(of), name], { properties }));
  },
});
