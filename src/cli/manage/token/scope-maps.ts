import { proposeScopeMaps } from '../../completion/propose.ts';
import { buildRouteMap } from '@stricli/core';
import { scopeMapType } from '../../../identity/index.ts';
import { UsageError } from '../../failure.ts';
import type { Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { type NameFlag, registryFlag, type RegistryFlag, requiredText, textFlag } from '../flags.ts';
import { namedCommands } from '../named-commands.ts';
import { flat } from '../present.ts';
import { wordsFlag } from '../words.ts';
import { actionsOf, without } from './repositories.ts';

type Named = NameFlag & RegistryFlag;

const columns: Columns = {
  Name: 'name',
  Type: 'typePropertiesType',
  Actions: 'actions',
  Description: 'description',
};
const name = {
  ...requiredText,
  placeholder: 'name',
  brief: 'Scope map',
  proposeCompletions: proposeScopeMaps,
} as const;
const description = { ...textFlag, placeholder: 'text', brief: 'What it is for' } as const;
const flags = { name, ...registryFlag };
const aliases = { n: 'name', r: 'registry' } as const;
const repositories = { ...wordsFlag, placeholder: 'repository action…' } as const;

const named = namedCommands({
  type: scopeMapType,
  name,
  columns,
  list: {
    brief: 'List the scope maps of a registry',
    examples: ['acr scope-map list --registry teamb -o table'],
  },
  show: { brief: 'Show a scope map', examples: ['acr scope-map show --name ci-map'] },
  remove: {
    brief: 'Delete a scope map',
    details: 'Deletes a scope map. Tokens that name it may do nothing then.',
    examples: ['acr scope-map delete --name ci-map --yes'],
    asks: (scopeMap) => `deleting the scope map ${scopeMap}`,
  },
});

const create = manageCommand<Named & { repository?: (readonly string[])[]; description?: string }>({
  brief: 'Create a scope map',
  details:
    'Creates a scope map: what tokens may do in which repositories. Actions are content/read, content/write, content/delete, ' +
    'metadata/read and metadata/write; a repository may be a name, PREFIX/* or *. One that is there already is replaced.',
  examples: [
    `acr scope-map create --name ci-map --repository team/app content/read content/write --repository 'base/*' content/read`,
  ],
  flags: { ...flags, repository: { ...repositories, brief: 'A repository and what may be done in it' }, description },
  aliases,
  columns,
  async run({ client, registry }, given) {
    const actions = actionsOf('--repository', given.repository);
    if (actions.length === 0)
      throw new UsageError('--repository says what the scope map allows: --repository team/app content/read');
    const properties = { actions, ...(given.description !== undefined && { description: given.description }) };
    return flat(await client.put(scopeMapType, [await registry(given.registry), given.name], { properties }));
  },
});

const update = manageCommand<
  Named & { addRepository?: (readonly string[])[]; removeRepository?: (readonly string[])[]; description?: string }
>({
  brief: 'Change what a scope map allows',
  details:
    'Adds and takes away actions. Tokens of the scope map may do what it says from then on. A repository to remove without ' +
    'actions goes as a whole.',
  examples: [
    'acr scope-map update --name ci-map --add-repository team/web content/read --remove-repository team/app content/write',
  ],
  flags: {
    ...flags,
    addRepository: { ...repositories, brief: 'A repository and what may be done in it, too' },
    removeRepository: { ...repositories, brief: 'A repository and what may not be done in it any more' },
    description,
  },
  aliases,
  columns,
  async run({ client, registry }, given) {
    const at = [await registry(given.registry), given.name];
    const { properties, etag } = await client.get(scopeMapType, at);
    const kept = without(properties.actions, given.removeRepository);
    const actions = [...new Set([...kept, ...actionsOf('--add-repository', given.addRepository)])];
    if (actions.length === 0) {
      throw new UsageError('nothing would be left of it; bonded acr scope-map delete removes a scope map');
    }
    const patch = { actions, ...(given.description !== undefined && { description: given.description }) };
    // Another may change it between reading and writing.
    return flat(await client.patch(scopeMapType, at, { properties: patch }, { ifMatch: etag }));
  },
});

export const scopeMapRoutes = buildRouteMap({
  routes: { create, update, ...named },
  docs: { brief: 'What repository-scoped tokens may do' },
});
