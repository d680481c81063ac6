import { buildRouteMap } from '@stricli/core';
import { registryType, type TagImmutability } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { exclusionsFlag, immutabilityOf, mutabilityModes } from '../acr/tag-immutability.ts';
import { manageCommand } from '../command.ts';
import type { Connection } from '../connect.ts';
import { requiredText, textFlag } from '../flags.ts';

interface RegistryName {
  name?: string;
}

const name = { ...textFlag, placeholder: 'name', brief: 'Registry (default: the one of the server)' } as const;
const aliases = { n: 'name' } as const;
const repository = { placeholder: 'name', brief: 'Repository, or PREFIX/* for those below a prefix' } as const;

const columns = {
  Repository: 'repository',
  Mode: 'mode',
  Exclusions: "join(' ', exclusions)",
};

/** What applies where, the registry as `*` first. */
async function rulesOf({ client, registry }: Connection, { name: named }: RegistryName) {
  const at = [await registry(named)];
  const { properties, etag } = await client.get(registryType, at);
  const { tagImmutability: usual, repositoryPolicies: policies = [] } = properties;
  return { at, etag, usual, policies };
}

const shown = (place: string, { mode, exclusionFilters }: TagImmutability) => ({
  repository: place,
  mode,
  exclusions: exclusionFilters.map(({ filter }) => filter),
});

const list = manageCommand<RegistryName>({
  brief: 'List which tags may move to another digest, and which may not',
  details:
    'Lists the rule of the registry, as *, and those of repositories. What names a repository most exactly counts. Where there ' +
    'is no rule, every tag may move.',
  examples: ['acr tag immutability list', 'acr tag immutability list --name teamb -o table'],
  flags: { name },
  aliases,
  columns,
  async run(connection, flags) {
    const { usual, policies } = await rulesOf(connection, flags);
    const own = policies.map((policy) => shown(policy.repository, policy.tagImmutability));
    return usual ? [shown('*', usual), ...own] : own;
  },
});

const set = manageCommand<
  RegistryName & { repository?: string; mode: TagImmutability['mode']; exclude?: (readonly string[])[] }
>({
  brief: 'Say which tags may move to another digest',
  details:
    'Sets the rule of a registry, or of repositories, to one of the four modes of ECR. An immutable tag can be pushed again with ' +
    'the same content only; it can be deleted, and is free then. Tags that are made of a digest, as those of signatures are, ' +
    'stay mutable.',
  examples: [
    'acr tag immutability set --mode IMMUTABLE',
    "acr tag immutability set --repository 'team/*' --mode IMMUTABLE_WITH_EXCLUSION --exclude latest 'dev-*'",
  ],
  flags: {
    name,
    repository: { ...textFlag, ...repository },
    mode: { kind: 'enum', values: mutabilityModes, brief: 'MUTABLE, IMMUTABLE, or one of them with exclusions' },
    exclude: exclusionsFlag,
  },
  aliases,
  columns,
  async run(connection, flags) {
    const tagImmutability = immutabilityOf('--exclude', flags.mode, flags.exclude);
    const { at, etag, policies } = await rulesOf(connection, flags);
    const { repository: place = '*' } = flags;
    const others = policies.filter((policy) => policy.repository !== place);
    const properties =
      flags.repository === undefined
        ? { tagImmutability }
        : { repositoryPolicies: [...others, { repository: place, tagImmutability }] };
    await connection.client.patch(registryType, at, { properties }, { ifMatch: etag });
    return shown(place, tagImmutability);
  },
});

const remove = manageCommand<RegistryName & { repository: string }>({
  brief: 'Take the rule of a repository away, so that the next wider one applies',
  examples: ["acr tag immutability remove --repository 'team/*'"],
  flags: { name, repository: { ...requiredText, ...repository } },
  aliases,
  async run(connection, flags) {
    const { at, etag, policies } = await rulesOf(connection, flags);
    const others = policies.filter((policy) => policy.repository !== flags.repository);
    if (others.length === policies.length) {
      throw new UsageError(
        `there is no rule of ${flags.repository}; bonded acr tag immutability list has those there are`,
      );
    }
    const properties = { repositoryPolicies: others };
    await connection.client.patch(registryType, at, { properties }, { ifMatch: etag });
  },
});

export const immutabilityRoutes = buildRouteMap({
  routes: { list, set, remove },
  docs: { brief: 'Which tags may move to another digest' },
});
