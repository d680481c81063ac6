import { proposeImages, proposeRepositories } from '../../completion/propose.ts';
import { buildRouteMap } from '@stricli/core';
import { type ContentClient, imageOf, repositoryOf, repositoryScope, tagAttributes } from '../../content/index.ts';
import { UsageError } from '../../failure.ts';
import { requiredText, textFlag } from '../flags.ts';
import { tagColumns as columns } from './columns.ts';
import { contentCommand } from './command.ts';
import { tagHistory, undeleteTag } from './history.ts';
import { immutabilityRoutes } from './immutability.ts';
import { type ListFlags, listFlags, orderOf } from './lists.ts';
import { describeSubject, imageSubject } from './subject.ts';

interface ImageFlag {
  image: string;
}

const image = {
  ...requiredText,
  placeholder: 'repository:tag',
  brief: 'Tag',
  proposeCompletions: proposeImages(),
} as const;
const repository = {
  ...requiredText,
  placeholder: 'name',
  brief: 'Repository',
  proposeCompletions: proposeRepositories(),
} as const;
const aliases = { t: 'image' } as const;

interface TagsFlags extends ListFlags {
  repository: string;
}

const tagsOf = (client: ContentClient, flags: TagsFlags & { digest?: string }) => {
  const name = repositoryOf('--repository', flags.repository);
  return client.all(`/acr/v1/${name}/_tags`, {
    scope: repositoryScope(name, 'metadata_read'),
    field: 'tags',
    item: tagAttributes,
    query: { ...orderOf(flags), ...(flags.digest !== undefined && { digest: flags.digest }) },
    top: flags.top,
    pageSize: 500,
  });
};

export const showTags = contentCommand<TagsFlags & { detail: boolean }>({
  brief: 'List the names of the tags of a repository',
  details:
    'Lists the names of the tags of a repository; --detail shows all that is known of each, as acr tag list does.',
  examples: [
    'acr repository show-tags --repository team/app',
    'acr repository show-tags -n teamb --repository team/app --orderby time_desc --top 5 --detail -o table',
  ],
  flags: {
    repository,
    detail: { kind: 'boolean', default: false, withNegated: false, brief: 'Show digests, times and locks' },
    ...listFlags,
  },
  columns,
  async run({ client }, flags) {
    const tags = await tagsOf(client, flags);
    return flags.detail ? tags : tags.map(({ name }) => name);
  },
});

const listTags = contentCommand<TagsFlags & { digest?: string }>({
  brief: 'List the tags of a repository',
  examples: [
    'acr tag list --repository team/app',
    'acr tag list --repository team/app --orderby time_desc --top 1 --query "[0].name" -o tsv',
  ],
  flags: {
    repository,
    digest: { ...textFlag, placeholder: 'digest', brief: 'Only those of this manifest' },
    ...listFlags,
  },
  columns,
  run: ({ client }, flags) => tagsOf(client, flags),
});

const showTag = contentCommand<ImageFlag>({
  brief: 'Show a tag',
  examples: ['acr tag show --image team/app:v1', 'acr tag show -t team/app:v1 --query digest -o tsv'],
  flags: { image },
  aliases,
  columns,
  run: ({ client }, flags) => describeSubject(client, tagSubject(flags)),
});

const untagOf = (example: string) =>
  contentCommand<ImageFlag>({
    brief: 'Take a tag away, and leave its manifest',
    details:
      'Takes a tag away. The manifest stays, with its other tags, and can be pulled by its digest; acr repository delete ' +
      'deletes the manifest.',
    examples: [example],
    flags: { image },
    aliases,
    async run({ client }, flags) {
      const { path, repository: name } = tagSubject(flags);
      await client.send({ method: 'DELETE', path, scope: repositoryScope(name, 'delete', 'metadata_read') });
    },
  });

export const untag = untagOf('acr repository untag --image team/app:v1');

/** More commands about tags go here. */
export const tagRoutes = buildRouteMap({
  routes: {
    list: listTags,
    show: showTag,
    delete: untagOf('acr tag delete --image team/app:v1'),
    history: tagHistory,
    undelete: undeleteTag,
    immutability: immutabilityRoutes,
  },
  docs: { brief: 'Tags' },
});

function tagSubject(flags: ImageFlag) {
  const named = imageOf('--image', flags.image);
  if (named.tag === undefined) throw new UsageError('--image names a tag here: REPOSITORY:TAG');
  return imageSubject(named);
}
