import { advisoryDatabaseName, advisoryDatabaseType, removeAdvisories } from '../../../advisories/index.ts';
import { notFound } from '../../failure.ts';
import { withProgress } from '../../progress.ts';
import { manageCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import { confirmFlag, type ConfirmFlag } from '../flags.ts';

export const remove = manageCommand<ConfirmFlag & { feed: readonly string[] }>({
  brief: 'Take a source of advisories away, with all that is known by it',
  details:
    'Takes sources away, such as those that were brought from a file once and are not wanted any more. What is known by others ' +
    'stays. One that advisories.sources still names comes back the next time.',
  examples: ['advisories remove --feed debian-tracker --yes', 'advisories remove --feed osv/npm --feed epss'],
  flags: {
    feed: { kind: 'parsed', parse: String, variadic: true, placeholder: 'name', brief: 'Source; may be repeated' },
    ...confirmFlag,
  },
  aliases: { y: 'yes' },
  async run(connection, flags) {
    const { client, context } = connection;
    await confirm(connection, flags, `taking away what is known by ${flags.feed.join(', ')}`);
    const operation = await client.begin(advisoryDatabaseType, removeAdvisories, [advisoryDatabaseName], {
      feeds: [...flags.feed],
    });
    const ended = await withProgress(context, 'taking advisories away', () => client.follow(operation));
    const { progress: _, ...result } = ended.properties ?? {};
    const { removed = [] } = result as { removed?: string[] };
    const missing = flags.feed.filter((feed) => !removed.includes(feed));
    if (removed.length === 0) {
      throw notFound(`there is no source ${missing.join(', ')}; bonded advisories status shows what there is`);
    }
    if (missing.length > 0) connection.note(`There was no source ${missing.join(', ')}.`);
    return result;
  },
});
