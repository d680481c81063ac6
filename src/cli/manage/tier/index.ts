import { buildRouteMap } from '@stricli/core';
import { categories, tierType } from '../../../tiers/index.ts';
import { bytesText, type Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { deleteExisting } from '../delete-existing.ts';
import { confirm } from '../confirm.ts';
import { confirmFlag, type ConfirmFlag, type NameFlag, requiredText, textFlag } from '../flags.ts';
import { flat } from '../present.ts';
import { wordsFlag } from '../words.ts';
import { check } from './check.ts';
import { settingsOf } from './settings.ts';

const name = { ...requiredText, placeholder: 'name', brief: 'Tier' } as const;
const aliases = { n: 'name' } as const;
const set = {
  ...wordsFlag,
  placeholder: 'name=value…',
  brief: 'limits.NAME, features.NAME or rates.NAME with a number, a size, true, false or none',
} as const;
const description = { ...textFlag, placeholder: 'text', brief: 'What it is for' } as const;

interface Settings {
  set?: (readonly string[])[];
  description?: string;
}

/** -1 is no limit. */
const shown = (path: string) => `${path} < \`0\` && 'none' || to_string(${path})`;
const columns: Columns = {
  Name: 'name',
  Registries: 'registries',
  BuiltIn: 'builtIn',
  Modified: 'modified',
  MaxStorage: {
    path: shown('limits.maxStorage'),
    text: (found) => (found === 'none' ? found : bytesText(Number(found))),
  },
  Tokens: shown('limits.tokens'),
  ReadsPerMinute: shown('rates.dataplaneRead.registry'),
  WritesPerMinute: shown('rates.dataplaneWrite.registry'),
};

const list = manageCommand<object>({
  brief: 'List tiers',
  examples: ['tier list -o table', `tier list --query "[?features.privateEndpoints].name" -o tsv`],
  flags: {},
  columns,
  run: async ({ client }) => (await client.list(tierType)).map(flat),
});

const show = manageCommand<NameFlag>({
  brief: 'Show a tier with its limits, features and rates',
  examples: ['tier show --name Standard', 'tier show -n Basic --query rates'],
  flags: { name },
  aliases,
  columns,
  run: async ({ client }, flags) => flat(await client.get(tierType, [flags.name])),
});

const update = manageCommand<NameFlag & Settings>({
  brief: 'Change a tier, for all registries that have it',
  details:
    'Changes what is said here, and leaves the rest; it acts in all processes within seconds. Rates are requests a minute: ' +
    `${categories.join(', ')}, each of the registry and, but for oauth, of one identity. What a registry has already ` +
    'stays, also beyond a limit that is lowered.',
  examples: [
    'tier update --name Standard --set limits.tokens=1000 features.privateEndpoints=true limits.privateEndpoints=10',
    'tier update -n Basic --set rates.dataplaneWrite.identity=200 rates.egress=30 limits.maxStorage=10GiB',
    'tier update -n Basic --set rates.dataplaneRead.registry=none rates.dataplaneRead.identity=none',
  ],
  flags: { name, set, description },
  aliases,
  columns,
  run: async ({ client }, flags) => flat(await client.patch(tierType, [flags.name], { properties: written(flags) })),
});

const create = manageCommand<NameFlag & Settings & { from?: string }>({
  brief: 'Create a tier of your own',
  details: 'Creates a tier as another one is, but for what is said here. Registries get it by acr update --sku.',
  examples: ['tier create --name Team --from Standard --set limits.maxStorage=50GiB --description "For small teams"'],
  flags: {
    name,
    from: { ...textFlag, placeholder: 'name', brief: 'Tier that it begins as (default Premium)' },
    set,
    description,
  },
  aliases,
  columns,
  async run({ client }, flags) {
    const { properties } = await client.get(tierType, [flags.from ?? 'Premium']);
    const { limits, features, rates } = properties;
    const content = { properties: written(flags, { limits, features, rates }) };
    return flat(await client.put(tierType, [flags.name], content, { ifNoneMatch: '*' }));
  },
});

const reset = manageCommand<NameFlag & ConfirmFlag>({
  brief: 'Make a built-in tier what it was when it was shipped',
  examples: ['tier reset --name Basic --yes'],
  flags: { name, ...confirmFlag },
  aliases: { ...aliases, y: 'yes' },
  columns,
  async run(connection, flags) {
    const { client } = connection;
    const tier = await client.get(tierType, [flags.name]);
    if (!tier.properties.builtIn) {
      throw new Error(`the tier ${flags.name} is not built in; bonded tier delete deletes it`);
    }
    await confirm(connection, flags, `resetting the tier ${flags.name}`);
    await client.delete(tierType, [flags.name]);
    return flat(await client.get(tierType, [flags.name]));
  },
});

const remove = manageCommand<NameFlag & ConfirmFlag>({
  brief: 'Delete a tier of your own, which no registry has any more',
  examples: ['tier delete --name Team --yes'],
  flags: { name, ...confirmFlag },
  aliases: { ...aliases, y: 'yes' },
  async run(connection, flags) {
    await confirm(connection, flags, `deleting the tier ${flags.name}`);
    await deleteExisting(connection.client, tierType, [flags.name]);
  },
});

const written = ({ set: given, description: text }: Settings, before?: Readonly<Record<string, unknown>>) => ({
  ...settingsOf(given, before),
  ...(text !== undefined && { description: text }),
});

export const tierRoutes = buildRouteMap({
  routes: { list, show, check, update, create, reset, delete: remove },
  docs: { brief: 'Tiers: what a registry may have, and how fast it may be' },
});
