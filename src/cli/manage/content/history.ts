import { proposeImages, proposeRepositories } from '../../completion/propose.ts';
import { z } from 'zod';
import { type Image, imageOf, repositoryScope, tagAttributes } from '../../content/index.ts';
import { UsageError } from '../../failure.ts';
import type { Columns } from '../../output/index.ts';
import { textFlag } from '../flags.ts';
import { tagColumns } from './columns.ts';
import { contentCommand } from './command.ts';
import { topFlag } from './lists.ts';

interface TagFlags {
  image?: string;
  repository?: string;
  tag?: string;
}

const tagFlags = {
  image: { ...textFlag, placeholder: 'repository:tag', brief: 'Tag', proposeCompletions: proposeImages() },
  repository: {
    ...textFlag,
    placeholder: 'name',
    brief: 'Repository, with --tag in place of --image',
    proposeCompletions: proposeRepositories(),
  },
  tag: { ...textFlag, placeholder: 'name', brief: 'Tag' },
} as const;
const aliases = { t: 'image' } as const;

function tagOf({ image, repository, tag }: TagFlags): Image & { tag: string } {
  if (image !== undefined && (repository !== undefined || tag !== undefined)) {
    throw new UsageError('give --image, or --repository and --tag, not both');
  }
  if (image === undefined && (repository === undefined || tag === undefined)) {
    throw new UsageError('say which: --image REPOSITORY:TAG');
  }
  const named = image === undefined ? imageOf('--repository', `${repository}:${tag}`) : imageOf('--image', image);
  if (named.tag === undefined) throw new UsageError('--image names a tag here: REPOSITORY:TAG');
  return { ...named, tag: named.tag };
}

const pathOf = ({ repository, tag }: { repository: string; tag: string }) => `/acr/v1/${repository}/_tags/${tag}`;

const historyColumns: Columns = {
  Time: 'time',
  Action: 'action',
  Digest: "digest || ''",
  ManifestExists: "manifestExists == `true` && 'yes' || ''",
  By: "by.name || ''",
};

const move = z.looseObject({ id: z.string(), action: z.string(), time: z.string(), digest: z.string().optional() });

export const tagHistory = contentCommand<TagFlags & { top?: number }>({
  brief: 'List where a tag was, the latest first',
  details:
    'Lists every move of a tag that is remembered: when, to which digest, who made it, and whether the manifest is still there, ' +
    'so that acr tag undelete can bring the tag back to it. Also of a tag that was deleted.',
  examples: [
    'acr tag history --image team/app:v1 -o table',
    'acr tag history --name teamb --repository team/app --tag v1 --top 1',
  ],
  flags: { ...tagFlags, ...topFlag },
  aliases,
  columns: historyColumns,
  async run({ client }, flags) {
    const image = tagOf(flags);
    return client.all(`${pathOf(image)}/_history`, {
      scope: repositoryScope(image.repository, 'metadata_read'),
      field: 'history',
      item: move,
      top: flags.top,
      pageSize: 500,
    });
  },
});

const restored = z.looseObject({ tag: tagAttributes }).transform(({ tag }) => tag as Record<string, unknown>);

export const undeleteTag = contentCommand<TagFlags & { digest?: string; force: boolean }>({
  brief: 'Bring a tag back that was deleted or moved',
  details:
    'Points a tag to where it was last, or to --digest, where it was before. The manifest has to be there yet. A tag that is ' +
    'there stays where it is, unless --force says that it shall move.',
  examples: [
    'acr tag undelete --image team/app:v1',
    'acr tag undelete -n teamb --repository team/app --tag v1 --force',
  ],
  flags: {
    ...tagFlags,
    digest: { ...textFlag, placeholder: 'digest', brief: 'Where it was (default: where it was last)' },
    force: { kind: 'boolean', default: false, withNegated: false, brief: 'Also move a tag that is there' },
  },
  aliases,
  columns: tagColumns,
  async run({ client }, flags) {
    const image = tagOf(flags);
    return client.json({
      method: 'POST',
      path: `${pathOf(image)}/_undelete`,
      scope: repositoryScope(image.repository, 'pull', 'push'),
      body: { ...(flags.digest !== undefined && { digest: flags.digest }), ...(flags.force && { force: true }) },
      answer: restored,
    });
  },
});
