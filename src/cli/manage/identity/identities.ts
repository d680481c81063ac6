import { proposeIdentities } from '../../completion/propose.ts';
import { identityType } from '../../../identity/index.ts';
import type { Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { deleteExisting } from '../delete-existing.ts';
import { confirm } from '../confirm.ts';
import { existing } from '../existing.ts';
import { confirmFlag, type ConfirmFlag, type NameFlag, requiredText, textFlag } from '../flags.ts';
import { pairs, replacing } from '../pairs.ts';
import { flat } from '../present.ts';
import { allWords, wordsFlag } from '../words.ts';

interface Settings {
  status?: 'enabled' | 'disabled';
  tags?: (readonly string[])[];
}

const columns: Columns = {
  Name: 'name',
  PrincipalId: 'principalId',
  Status: 'status',
  Created: 'systemData.createdAt',
};
const name = {
  ...requiredText,
  placeholder: 'name',
  brief: 'Identity',
  proposeCompletions: proposeIdentities,
} as const;
const aliases = { n: 'name' } as const;
const settings = {
  status: {
    kind: 'enum',
    values: ['enabled', 'disabled'],
    optional: true,
    brief: 'A disabled identity can do nothing',
  },
  tags: { ...wordsFlag, placeholder: 'name=value…', brief: 'Tags of the resource; "" for none' },
} as const;

export const createIdentity = manageCommand<NameFlag & Settings & { location?: string }>({
  brief: 'Create an identity',
  details:
    'Creates an identity, to which roles are assigned. Whose tokens it is say its federated credentials. One that is there ' +
    'already keeps its principal id, its roles and its status.',
  examples: ['identity create --name cluster-a', 'identity create -n ci --tags team=a'],
  flags: { name, ...settings, location: { ...textFlag, hidden: true, brief: 'A name for where it is' } },
  aliases: { ...aliases, l: 'location' },
  columns,
  async run({ client }, flags) {
    const before = await existing(client, identityType, [flags.name]);
    const tags = pairs('--tags', allWords(flags.tags)) ?? before?.tags;
    // Who creates it again does not mean to enable what somebody has disabled.
    const status = flags.status ?? before?.properties.status;
    const content = {
      location: flags.location ?? before?.location ?? 'local',
      properties: { ...(status && { status }) },
      ...(tags && { tags }),
    };
    return flat(await client.put(identityType, [flags.name], content));
  },
});

export const showIdentity = manageCommand<NameFlag>({
  brief: 'Show an identity',
  examples: ['identity show --name cluster-a --query principalId -o tsv'],
  flags: { name },
  aliases,
  columns,
  run: async ({ client }, flags) => flat(await client.get(identityType, [flags.name])),
});

export const listIdentities = manageCommand<object>({
  brief: 'List identities',
  examples: ['identity list -o table'],
  flags: {},
  columns,
  run: async ({ client }) => (await client.list(identityType)).map(flat),
});

export const updateIdentity = manageCommand<NameFlag & Settings>({
  brief: 'Disable or enable an identity, or change its tags',
  examples: ['identity update --name cluster-a --status disabled'],
  flags: { name, ...settings },
  aliases,
  columns,
  async run({ client }, flags) {
    const wanted = pairs('--tags', allWords(flags.tags));
    const tags = wanted && replacing((await client.get(identityType, [flags.name])).tags, wanted);
    const patch = { properties: { ...(flags.status && { status: flags.status }) }, ...(tags && { tags }) };
    return flat(await client.patch(identityType, [flags.name], patch));
  },
});

export const deleteIdentity = manageCommand<NameFlag & ConfirmFlag>({
  brief: 'Delete an identity with its federated credentials',
  details:
    'Deletes an identity with its federated credentials. Role assignments stay and give nothing: another identity of that ' +
    'name has another principal id.',
  examples: ['identity delete --name cluster-a --yes'],
  flags: { name, ...confirmFlag },
  aliases: { ...aliases, y: 'yes' },
  async run(connection, flags) {
    await confirm(connection, flags, `deleting the identity ${flags.name}`);
    await deleteExisting(connection.client, identityType, [flags.name]);
  },
});
