import { listUsages, type Usage } from '../../../tiers/index.ts';
import { registryType } from '../../../registries/index.ts';
import { bytesText, type Column, type Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { textFlag } from '../flags.ts';

/** Bytes as people read them, and numbers; -1 is no limit. */
const amount = (path: string): Column => ({
  path,
  text: (found, usage) => ((usage as Usage).unit === 'Bytes' || found === -1 ? bytesText(found) : found),
});
const columns: Columns = { Name: 'name', Limit: amount('limit'), Current: amount('currentValue'), Unit: 'unit' };

export const showUsage = manageCommand<{ name?: string }>({
  brief: 'Show what a registry uses of what its tier has',
  details:
    'Shows what a registry uses of what its tier has. In JSON and TSV a limit of -1 is none, and storage is in bytes.',
  examples: ['acr show-usage -o table', `acr show-usage --name teamb --query "[?name=='Tokens'].currentValue" -o tsv`],
  flags: { name: { ...textFlag, placeholder: 'name', brief: 'Registry (default: the one of the server)' } },
  aliases: { n: 'name' },
  columns,
  run: async ({ client, registry }, flags) =>
    (await client.action(registryType, listUsages, [await registry(flags.name)])).value,
});
