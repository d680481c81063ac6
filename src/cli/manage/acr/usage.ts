import { listUsages } from '../../../tiers/index.ts';
import { registryType } from '../../../registries/index.ts';
import type { Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { textFlag } from '../flags.ts';

const columns: Columns = { Name: 'name', Limit: 'limit', Current: 'currentValue', Unit: 'unit' };

export const showUsage = manageCommand<{ name?: string }>({
  brief: 'Show what a registry uses of what its tier has',
  details: 'Shows what a registry uses of what its tier has. A limit of -1 is none.',
  examples: ['acr show-usage -o table', `acr show-usage --name teamb --query "[?name=='Tokens'].currentValue" -o tsv`],
  flags: { name: { ...textFlag, placeholder: 'name', brief: 'Registry (default: the one of the server)' } },
  aliases: { n: 'name' },
  columns,
  run: async ({ client, registry }, flags) =>
    (await client.action(registryType, listUsages, [await registry(flags.name)])).value,
});
