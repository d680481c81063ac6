import { buildRouteMap } from '@stricli/core';
import { replicationType } from '../../../replication/index.ts';
import { UsageError } from '../../failure.ts';
import type { Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { type NameFlag, registryFlag, type RegistryFlag, requiredText, textFlag, yesNoFlag } from '../flags.ts';
import { namedCommands } from '../named-commands.ts';
import { pairs, replacing } from '../pairs.ts';
import { flat } from '../present.ts';
import { allWords, wordsFlag } from '../words.ts';

type Named = NameFlag & RegistryFlag;

interface Settings {
  regionEndpointEnabled?: boolean;
  globalEndpointRouting?: boolean;
  tags?: (readonly string[])[];
}

const columns: Columns = {
  Name: 'name',
  Location: 'location',
  'Provisioning state': 'provisioningState',
  Status: 'status.displayStatus',
  'Region endpoint enabled': 'regionEndpointEnabled',
};
const name = { ...requiredText, placeholder: 'region', brief: 'Replication, which is called as its region' } as const;
const aliases = { n: 'name', r: 'registry' } as const;
const settings = {
  regionEndpointEnabled: { ...yesNoFlag, brief: 'Whether clients are led to this region' },
  // As later versions of az call it.
  globalEndpointRouting: { ...yesNoFlag, hidden: true, brief: 'Whether clients are led to this region' },
  tags: { ...wordsFlag, placeholder: 'name=value…', brief: 'Tags of the resource; "" for none' },
} as const;

function propertiesOf({ regionEndpointEnabled, globalEndpointRouting }: Settings) {
  const enabled = regionEndpointEnabled ?? globalEndpointRouting;
  return enabled === undefined ? {} : { regionEndpointEnabled: enabled };
}

const named = namedCommands({
  type: replicationType,
  name,
  columns,
  list: {
    brief: 'List the regions of a registry',
    examples: ['acr replication list --registry teamb -o table'],
  },
  show: {
    brief: 'Show a region of a registry',
    examples: ['acr replication show --registry teamb --name westeurope --query status.displayStatus -o tsv'],
  },
  remove: {
    brief: 'Take a region from a registry',
    examples: ['acr replication delete --registry teamb --name westeurope --yes'],
    asks: (region) => `taking the region ${region} from the registry`,
  },
});

const create = manageCommand<RegistryFlag & { location: string; name?: string } & Settings>({
  brief: 'Add a region to a registry',
  details:
    'Adds a region to a registry. What is said here is kept; nothing is copied until a server of that region has joined, which ' +
    'show says.',
  examples: ['acr replication create --registry teamb --location westeurope'],
  flags: {
    ...registryFlag,
    location: { ...requiredText, placeholder: 'region', brief: 'Region' },
    name: { ...textFlag, placeholder: 'region', brief: 'Name of the replication: that of the region' },
    ...settings,
  },
  aliases: { ...aliases, l: 'location' },
  columns,
  async run({ client, registry }, given) {
    const region = given.location.replaceAll(' ', '').toLowerCase();
    if (given.name !== undefined && given.name.toLowerCase() !== region)
      throw new UsageError(`--name: a replication is called as its region: ${region}`);
    const tags = pairs('--tags', allWords(given.tags));
    const content = { location: given.location, properties: propertiesOf(given), ...(tags && { tags }) };
    return flat(await client.put(replicationType, [await registry(given.registry), region], content));
  },
});

const update = manageCommand<Named & Settings>({
  brief: 'Change a region of a registry',
  details: 'Changes what is said here, and leaves the rest. Tags are replaced as a whole.',
  examples: ['acr replication update --registry teamb --name westeurope --region-endpoint-enabled false'],
  flags: { name, ...registryFlag, ...settings },
  aliases,
  columns,
  async run({ client, registry }, given) {
    const at = [await registry(given.registry), given.name];
    const wanted = pairs('--tags', allWords(given.tags));
    const tags = wanted && replacing((await client.get(replicationType, at)).tags, wanted);
    return flat(await client.patch(replicationType, at, { properties: propertiesOf(given), ...(tags && { tags }) }));
  },
});

export const replicationRoutes = buildRouteMap({
  routes: { create, update, ...named },
  docs: {
    brief: 'Regions of a registry',
    fullDescription: 'Regions of a registry. In the words of `az acr replication`.',
  },
});
