import { checkNameAvailability, registryType } from '../../../registries/index.ts';
import { proposeRegistries } from '../../completion/propose.ts';
import { manageCommand } from '../command.ts';
import { deleteExisting } from '../delete-existing.ts';
import { confirm } from '../confirm.ts';
import { confirmFlag, type ConfirmFlag, type NameFlag, registryFlag, requiredText } from '../flags.ts';
import { replacing } from '../pairs.ts';
import { flat } from '../present.ts';
import { registryColumns as columns } from './columns.ts';
import { locationFlag, propertiesOf, type RegistrySettings, settingFlags, tagsOf } from './settings.ts';
import { storageQuotaOf, storageQuotaPatch } from './storage-quota.ts';

const name = {
  ...requiredText,
  placeholder: 'name',
  brief: 'Registry',
  proposeCompletions: proposeRegistries,
} as const;
const newName = { ...requiredText, placeholder: 'name', brief: 'Name for a registry' } as const;
const aliases = { n: 'name' } as const;

export const createRegistry = manageCommand<NameFlag & RegistrySettings & { location?: string }>({
  brief: 'Create a registry',
  details:
    'Creates a registry, which clients reach as NAME.localhost, or as NAME below `domain` of the configuration. One that is ' +
    'there already gets what is said here, and the defaults for the rest.',
  examples: [
    'acr create --name teamb',
    `acr create -n public --anonymous-pull-repositories 'samples/*' --tags team=docs`,
  ],
  flags: { name: newName, ...settingFlags, ...locationFlag },
  aliases: { ...aliases, l: 'location' },
  columns,
  async run({ client }, flags) {
    const tags = tagsOf(flags);
    const content = {
      location: flags.location ?? 'local',
      sku: { name: flags.sku ?? 'Premium' },
      properties: { ...propertiesOf(flags), ...storageQuotaOf(flags) },
      ...(tags && { tags }),
    };
    return flat(await client.put(registryType, [flags.name], content));
  },
});

export const showRegistry = manageCommand<{ name?: string }>({
  brief: 'Show a registry',
  examples: ['acr show', 'acr show --name teamb --query loginServer -o tsv'],
  flags: { name: registryFlag.registry },
  aliases,
  columns,
  run: async ({ client, registry }, flags) => flat(await client.get(registryType, [await registry(flags.name)])),
});

export const listRegistries = manageCommand<object>({
  brief: 'List registries',
  examples: ['acr list', 'acr list --query "[?adminUserEnabled].name" -o tsv'],
  flags: {},
  columns,
  run: async ({ client }) => (await client.list(registryType)).map(flat),
});

export const updateRegistry = manageCommand<NameFlag & RegistrySettings>({
  brief: 'Change a registry',
  details: 'Changes what is said here, and leaves the rest. Tags are replaced as a whole.',
  examples: [
    'acr update --name teamb --admin-enabled false',
    'acr update -n teamb --role-assignment-mode rbac-abac',
    `acr update -n teamb --storage-limit 500GiB --repository-storage-limits build=100GiB 'team/*=20GiB'`,
  ],
  flags: { name, ...settingFlags },
  aliases,
  columns,
  async run({ client }, flags) {
    const wanted = tagsOf(flags);
    const tags = wanted && replacing((await client.get(registryType, [flags.name])).tags, wanted);
    const storageQuota = storageQuotaPatch(flags);
    const patch = {
      properties: { ...propertiesOf(flags), ...(storageQuota && { storageQuota }) },
      ...(flags.sku && { sku: { name: flags.sku } }),
      ...(tags && { tags }),
    };
    return flat(await client.patch(registryType, [flags.name], patch));
  },
});

export const deleteRegistry = manageCommand<NameFlag & ConfirmFlag>({
  brief: 'Delete a registry with all that is in it',
  examples: ['acr delete --name teamb --yes'],
  flags: { name, ...confirmFlag },
  aliases: { ...aliases, y: 'yes' },
  async run(connection, flags) {
    await confirm(connection, flags, `deleting the registry ${flags.name} and its repositories`);
    await deleteExisting(connection.client, registryType, [flags.name]);
  },
});

export const checkName = manageCommand<NameFlag>({
  brief: 'Say whether a registry can have a name',
  examples: ['acr check-name --name teamb --query nameAvailable'],
  flags: { name: newName },
  aliases,
  run: ({ client }, flags) => client.providerAction(checkNameAvailability, { name: flags.name }),
});
