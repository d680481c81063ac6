import { buildRouteMap } from '@stricli/core';
import { registryType } from '../../../registries/index.ts';
import { type Columns, sizeText } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { textFlag } from '../flags.ts';

const { listStorage } = registryType.actions;

const columns: Columns = {
  Name: 'name',
  Size: 'size',
  Unique: 'unique',
  Shared: 'shared',
  Limit: "limit || ''",
  Used: "used || ''",
  Blobs: 'blobs',
  Manifests: 'manifests',
};

const percent = (bytes: number, limit: number): string =>
  limit === 0 ? '100 %' : `${Math.floor((bytes / limit) * 100)} %`;

const repositories = manageCommand<{ name?: string; top: number }>({
  brief: 'Show the largest repositories of a registry',
  details:
    'Shows how much the largest repositories take up. Unique is what would become free if a repository alone were ' +
    'deleted; the rest of it other repositories of the registry have, too. What was deleted counts until it is collected, and ' +
    'what is kept as deleted until it is purged: in its repository, and of a repository that is gone in the registry alone.',
  examples: [
    'acr usage repositories',
    'acr usage repositories --name teamb --top 10 --query "[].{Name: name, Bytes: bytes}"',
  ],
  flags: {
    name: { ...textFlag, placeholder: 'name', brief: 'Registry (default: the one of the server)' },
    top: { kind: 'parsed', parse: topOf, default: '100', placeholder: 'n', brief: 'How many, at most 1000' },
  },
  aliases: { n: 'name' },
  columns,
  async run({ client, registry, note }, { name, top }) {
    const found = await client.action(registryType, listStorage, [await registry(name)], { top });
    const { bytes, limitBytes } = found;
    note(
      `The registry stores ${sizeText(bytes)}` +
        (limitBytes === undefined ? '.' : ` of ${sizeText(limitBytes)} (${percent(bytes, limitBytes)}).`),
    );
    if (!found.counted) note('What was there before the upgrade is still being counted.');
    return found.repositories.map((one) => ({
      ...one,
      size: sizeText(one.bytes),
      unique: sizeText(one.uniqueBytes),
      shared: sizeText(one.sharedBytes),
      ...(one.limitBytes !== undefined && {
        limit: sizeText(one.limitBytes),
        used: percent(one.bytes, one.limitBytes),
      }),
    }));
  },
});

function topOf(text: string): number {
  if (/^[1-9][0-9]{0,3}$/.test(text) && Number(text) <= 1000) return Number(text);
  throw new Error('it is a number from 1 to 1000');
}

export const usageRoutes = buildRouteMap({
  routes: { repositories },
  docs: { brief: 'What takes up the storage of a registry' },
});
