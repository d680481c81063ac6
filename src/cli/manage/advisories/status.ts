import { advisoryDatabaseName, advisoryDatabaseType } from '../../../advisories/index.ts';
import { type Columns, shown, table } from '../../output/index.ts';
import { manageCommand } from '../command.ts';

interface Status {
  revision: number;
  stale: boolean;
  refresh: boolean;
  feeds: unknown[];
  ecosystems: { name: string; lastSuccess?: string }[];
}

const columns: Columns = {
  Feed: 'name',
  Records: 'records',
  'Last success': 'lastSuccess',
  'Last change': 'lastChange',
  Stale: 'stale',
  Error: 'lastError',
  Origin: 'origin',
};

export const status = manageCommand<{ failOnStale: boolean }>({
  brief: 'Show what is known of vulnerabilities, and how fresh it is',
  details:
    'Shows each source of advisories with when it was up to date last. One that was not for longer than advisories.maxAge is ' +
    'stale.',
  examples: [
    'advisories status',
    'advisories status --query "feeds[?stale].name" -o tsv',
    'advisories status --fail-on-stale',
  ],
  flags: {
    failOnStale: { kind: 'boolean', default: false, withNegated: false, brief: 'Exit with 1 where a source is stale' },
  },
  report: (value) => reportOf(value as Status),
  async run({ client, context }, { failOnStale }) {
    const { properties } = await client.get(advisoryDatabaseType, [advisoryDatabaseName]);
    if (failOnStale && properties.stale) context.process.exitCode = 1;
    return properties;
  },
});

function reportOf({ revision, feeds, ecosystems, refresh, stale }: Status): string {
  const unknown = ecosystems.filter(({ lastSuccess }) => lastSuccess === undefined).map(({ name }) => name);
  if (feeds.length === 0) return 'Nothing is known of vulnerabilities yet; bonded advisories sync fetches advisories.';
  const kept = refresh ? 'The server keeps them up to date.' : 'They are brought up to date by bonded advisories sync.';
  const lines = [`Revision ${revision}${stale ? ', stale' : ''}. ${kept}`];
  if (unknown.length > 0) lines.push(`Images have packages of which nothing is known: ${unknown.join(', ')}.`);
  return [table(feeds, columns), ...lines.map((line) => shown(line))].join('\n');
}
