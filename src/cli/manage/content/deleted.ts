import { z } from 'zod';
import {
  type ContentClient,
  deletedCatalogScope,
  type Image,
  imageOf,
  repositoryOf,
  repositoryScope,
} from '../../content/index.ts';
import { UsageError } from '../../failure.ts';
import { bytesColumn } from '../../output/index.ts';
import { confirm } from '../confirm.ts';
import { confirmFlag, type ConfirmFlag, textFlag } from '../flags.ts';
import { contentCommand, placedCommand, type PlacedFlags } from './command.ts';
import { type ListFlags, listFlags, orderOf, topFlag } from './lists.ts';

const deletedManifest = z.looseObject({ digest: z.string(), deletedAt: z.string() });
const deletedTag = z.looseObject({ tag: z.string(), digest: z.string(), deletedAt: z.string() });

export const listDeletedRepositories = contentCommand<Pick<ListFlags, 'top'>>({
  brief: 'List the repositories of which something deleted is kept',
  details:
    'Lists the repositories of which something deleted is kept, whether or not they are there. Takes the right to see what was ' +
    'deleted.',
  examples: ['acr repository list-deleted', 'acr repository list-deleted --name teamb -o tsv'],
  flags: topFlag,
  run: ({ client }, { top }) =>
    client.all('/acr/v1/_deleted/_catalog', {
      scope: deletedCatalogScope,
      field: 'repositories',
      item: z.string(),
      top,
      pageSize: 1000,
    }),
});

export const listDeleted = placedCommand<PlacedFlags & ListFlags>('repository', {
  brief: 'List the deleted manifests of a repository that are kept',
  details:
    'Lists the deleted manifests of a repository that are kept: with the tags that they had, who deleted them, and when they go ' +
    'for good. Also of a repository that was deleted whole.',
  examples: [
    'acr manifest list-deleted --name team/app -o table',
    'acr manifest list-deleted -r teamb -n team/app --orderby time_desc --top 5',
  ],
  flags: listFlags,
  columns: {
    Digest: 'digest',
    Tags: 'tags || `[]`',
    Size: bytesColumn('imageSize'),
    Deleted: 'deletedAt',
    By: "deletedBy.name || ''",
    Purge: 'purgeAt',
  },
  run({ client }, flags) {
    const name = repositoryOf('--name', flags.name);
    return client.all(`/acr/v1/_deleted/${name}/_manifests`, {
      scope: repositoryScope(name, 'deleted_read'),
      field: 'manifests',
      item: deletedManifest,
      query: orderOf(flags),
      top: flags.top,
    });
  },
});

const tagsOf = (client: ContentClient, repository: string, tag?: string, flags: ListFlags = {}) =>
  client.all(`/acr/v1/_deleted/${repository}/_tags`, {
    scope: repositoryScope(repository, 'deleted_read'),
    field: 'tags',
    item: deletedTag,
    query: { ...orderOf(flags), ...(tag !== undefined && { tag }) },
    top: flags.top,
    pageSize: 500,
  });

export const listDeletedTags = placedCommand<PlacedFlags & ListFlags>('repository[:tag]', {
  brief: 'List the tags of deleted manifests that are kept',
  details:
    'Lists tags that went with a manifest that is kept: of a repository, or of one name. Of one name the last line is what ' +
    'acr manifest restore brings back.',
  examples: [
    'acr manifest list-deleted-tags --name team/app',
    'acr manifest list-deleted-tags -n team/app:v1 -o table',
  ],
  flags: listFlags,
  columns: { Tag: 'tag', Digest: 'digest', Deleted: 'deletedAt', Purge: 'purgeAt' },
  run({ client }, { name, ...flags }) {
    if (!name.includes(':')) return tagsOf(client, repositoryOf('--name', name), undefined, flags);
    const { repository, tag } = imageOf('--name', name);
    if (tag === undefined) throw new UsageError('--name names a repository or a tag here: REPOSITORY[:TAG]');
    return tagsOf(client, repository, tag, flags);
  },
});

const restored = z.looseObject({ imageName: z.string(), restored: z.array(z.string()) });

export const restore = placedCommand<PlacedFlags & ConfirmFlag & { digest?: string; force: boolean }>(
  'repository:tag',
  {
    brief: 'Restore a deleted manifest',
    details:
      'Restores the manifest that had a tag and was deleted last, or the one of --digest, under that tag; named as ' +
      'REPOSITORY@DIGEST it comes back without one. What an index lists comes back with it. A tag that is there and names something else ' +
      'stays where it is, unless --force says that it shall move.',
    examples: [
      'acr manifest restore --name team/app:v1',
      'acr manifest restore -r teamb -n team/app:v1 --digest sha256:… --force',
      'acr manifest restore registry.example.com/team/app@sha256:…',
    ],
    flags: {
      digest: { ...textFlag, placeholder: 'digest', brief: 'Which one (default: the one that was deleted last)' },
      force: { kind: 'boolean', default: false, withNegated: false, brief: 'Also move a tag that is there' },
      yes: { ...confirmFlag.yes, hidden: true, brief: 'Nothing is asked; taken because az has it' },
    },
    aliases: { d: 'digest', f: 'force', y: 'yes' },
    columns: { Repository: 'imageName', Tag: "tag || ''", Restored: 'restored' },
    async run({ client, note }, { name, digest: given, force }) {
      const image = imageOf('--name', name);
      const { repository, tag } = image;
      if (image.digest !== undefined && given !== undefined)
        throw new UsageError('--name has a digest already; leave --digest out, or name a tag');
      const digest = image.digest ?? given ?? (await lastDeleted(client, image, note));
      return client.json({
        method: 'POST',
        path: `/acr/v1/_deleted/${repository}/_manifests/${digest}?force=${force}`,
        scope: repositoryScope(repository, 'deleted_read', 'deleted_restore'),
        body: tag === undefined ? {} : { tag },
        answer: restored,
      });
    },
  },
);

async function lastDeleted(
  client: ContentClient,
  { repository, tag, name }: Image,
  note: (text: string) => void,
): Promise<string> {
  const found = await tagsOf(client, repository, tag);
  const last = found.at(-1);
  if (!last) throw new Error(`nothing that was deleted and is kept had the tag ${name}`);
  if (found.length > 1) note(`Of ${found.length} that had the tag ${name}, ${last.digest} was deleted last.`);
  return last.digest;
}

export const purgeDeleted = placedCommand<PlacedFlags & ConfirmFlag>('repository@digest', {
  brief: 'Purge a deleted manifest now',
  details:
    'Takes a deleted manifest away before its time, so that nobody can restore it. What it alone needed is collected as ever.',
  examples: [
    'acr manifest purge-deleted --name team/app@sha256:…',
    'acr manifest purge-deleted -n team/app@sha256:… -y',
  ],
  flags: confirmFlag,
  aliases: { y: 'yes' },
  async run(connection, flags) {
    const { repository, digest } = imageOf('--name', flags.name);
    if (digest === undefined) throw new UsageError('--name names a manifest by its digest here: REPOSITORY@DIGEST');
    await confirm(connection, flags, `purging ${repository}@${digest}`);
    await connection.client.send({
      method: 'DELETE',
      path: `/acr/v1/_deleted/${repository}/_manifests/${digest}`,
      scope: repositoryScope(repository, 'deleted_read', 'deleted_restore'),
    });
  },
});
