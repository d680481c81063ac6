import { z } from 'zod';
import { catalogScope, deletedRepository, repositoryScope } from '../../content/index.ts';
import { withProgress } from '../../progress.ts';
import { confirm, unlessKept } from '../confirm.ts';
import { confirmFlag, type ConfirmFlag } from '../flags.ts';
import { type AttributeFlags, attributeFlags, changeOf } from './attributes.ts';
import { deletedColumns, lockColumns } from './columns.ts';
import { contentCommand } from './command.ts';
import { deleteImage } from './delete-image.ts';
import { type ListFlags, topFlag } from './lists.ts';
import {
  changeSubject,
  columnsOf,
  describeSubject,
  subjectAliases,
  type SubjectFlags,
  subjectFlags,
  subjectOf,
} from './subject.ts';

/** Names of a page: they are short. */
const pageSize = 1000;

export const listRepositories = contentCommand<Pick<ListFlags, 'top'>>({
  brief: 'List the repositories of a registry',
  examples: ['acr repository list', 'acr repository list --name teamb --top 20 -o tsv'],
  flags: topFlag,
  run: ({ client }, { top }) =>
    client.all('/acr/v1/_catalog', { scope: catalogScope, field: 'repositories', item: z.string(), top, pageSize }),
});

export const showRepository = contentCommand<SubjectFlags>({
  brief: 'Show the attributes of a repository or an image',
  details: 'Shows the attributes of a repository, of a tag, or of a manifest that is named by its digest.',
  examples: [
    'acr repository show --repository team/app',
    'acr repository show -n teamb --image team/app:v1 --query changeableAttributes',
  ],
  flags: subjectFlags,
  aliases: subjectAliases,
  columns: columnsOf,
  run: ({ client }, flags) => describeSubject(client, subjectOf(flags)),
});

export const updateRepository = contentCommand<SubjectFlags & AttributeFlags>({
  brief: 'Say what may be done with a repository or an image',
  details:
    'Says whether a repository, a tag or a manifest can be deleted, written, pulled and listed; what is not said stays as it ' +
    'is. acr lock says the two that matter most at once, with a reason and an end.',
  examples: [
    'acr repository update --image team/app:v1 --write-enabled false --delete-enabled false',
    'acr repository update -n teamb --repository team/app --list-enabled false',
  ],
  flags: { ...subjectFlags, ...attributeFlags },
  aliases: subjectAliases,
  columns: lockColumns,
  run: ({ client }, flags) => changeSubject(client, subjectOf(flags), changeOf(flags)),
});

export const deleteRepository = contentCommand<SubjectFlags & ConfirmFlag>({
  brief: 'Delete a repository, or a manifest with all its tags',
  details:
    'Deletes a repository with all that is in it, or the manifest that --image names with every tag that it has, not the named ' +
    'one alone; acr repository untag takes one tag away. Says before what goes, and asks. Shows what has gone. Where the ' +
    'registry keeps what is deleted, acr manifest restore brings manifests back.',
  examples: ['acr repository delete --image team/app:v1', 'acr repository delete -n teamb --repository team/app --yes'],
  flags: { ...subjectFlags, ...confirmFlag },
  aliases: { ...subjectAliases, y: 'yes' },
  columns: deletedColumns,
  async run(connection, flags) {
    const { client, context } = connection;
    const subject = subjectOf(flags);
    if (subject.kind === 'image') return deleteImage(connection, flags, subject.image);
    const { repository, path } = subject;
    if (!flags.yes) {
      const { manifestCount, tagCount } = await describeSubject(client, subject);
      const parts = [counted(Number(manifestCount), 'manifest'), counted(Number(tagCount), 'tag')];
      connection.note(`The repository ${repository} goes, with ${parts.join(' and ')}.`);
    }
    await confirm(connection, flags, `deleting the repository ${repository} with all that is in it`, unlessKept);
    const scope = repositoryScope(repository, 'delete', 'metadata_read');
    return withProgress(context, `Deleting ${repository}`, () =>
      client.json({ method: 'DELETE', path, scope, answer: deletedRepository }),
    );
  },
});

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
