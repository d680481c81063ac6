import {
  advisoryDatabaseName,
  advisoryDatabaseType,
  type FeedOutcome,
  type FeedSource,
  feedSources,
  syncAdvisories,
} from '../../../advisories/index.ts';
import type { WireOperation } from '../../../operations/index.ts';
import { registryType } from '../../../registries/index.ts';
import { connectContent, repositoryOf } from '../../content/index.ts';
import { UsageError } from '../../failure.ts';
import { type Columns, shown, table } from '../../output/index.ts';
import { withProgress } from '../../progress.ts';
import { manageCommand } from '../command.ts';
import type { Connection } from '../connect.ts';
import { registryFlag, type RegistryFlag, textFlag } from '../flags.ts';
import { bringFile, defaultRepository } from './bring-file.ts';

interface SyncFlags extends RegistryFlag {
  from?: string;
  source?: readonly FeedSource[];
  ecosystem?: readonly string[];
  repository?: string;
  force: boolean;
  noWait: boolean;
}

interface Synced {
  revision: number;
  feeds: FeedOutcome[];
  failed: { feed: string; error: string }[];
}

export const sync = manageCommand<SyncFlags>({
  brief: 'Bring advisories up to date',
  details:
    'Brings what the server knows of vulnerabilities up to date, and compares it with the packages of all images. Without --from ' +
    'the server fetches what advisories.sources names. --from is a file or directory of this machine (an export of OSV, a ' +
    'trivy.db, a bundle as an OCI layout, the tracker of Debian, a secdb of Alpine, KEV, EPSS), a URL that the server fetches, or ' +
    'oci://HOST/REPOSITORY:TAG. What is of this machine is pushed to a repository first, so that the server can read it. The ' +
    'exit code is 1 where a source failed.',
  examples: [
    'advisories sync',
    'advisories sync --source osv --ecosystem Debian',
    'advisories sync --from ./PyPI/all.zip',
    'advisories sync --from oci://registry.example.com/bonded/advisories:latest',
    'advisories sync --from https://mirror.example.com/osv/Go/all.zip',
  ],
  flags: {
    from: { ...textFlag, placeholder: 'file|url|oci://…', brief: 'Where from (default: the configured sources)' },
    source: {
      kind: 'enum',
      values: feedSources,
      optional: true,
      variadic: true,
      brief: 'Only this source; may be repeated',
    },
    ecosystem: {
      ...textFlag,
      variadic: true,
      placeholder: 'name',
      brief: 'Ecosystem in the words of OSV, beside those of the images here; may be repeated',
    },
    ...registryFlag,
    repository: {
      ...textFlag,
      placeholder: 'repository',
      brief: `Repository for a file of this machine (default ${defaultRepository})`,
    },
    force: {
      kind: 'boolean',
      default: false,
      withNegated: false,
      brief: 'Fetch what has not changed, too, and believe an export that has become much smaller',
    },
    noWait: { kind: 'boolean', default: false, withNegated: false, brief: 'Do not wait until it has ended' },
  },
  aliases: { r: 'registry' },
  report: (value) => reportOf(value as Synced | { operation: string }),
  async run(connection, flags) {
    const { client, context } = connection;
    const { from, source, ecosystem, force, noWait } = flags;
    if (from !== undefined && source !== undefined) throw new UsageError('give --from or --source');
    const place = from === undefined ? {} : await placeOf(connection, from, flags);
    const input = {
      ...(source && { sources: [...source] }),
      ...(ecosystem && { ecosystems: [...ecosystem] }),
      force,
      ...place,
    };
    const operation = await client.begin(advisoryDatabaseType, syncAdvisories, [advisoryDatabaseName], input);
    if (noWait) return { operation };
    const ended = await withProgress(context, 'bringing advisories up to date', (progress) =>
      client.follow(operation, (looked) => progress.at(textOf(looked))),
    );
    const { progress: _, ...result } = ended.properties as unknown as { progress?: unknown } & Synced;
    if (result.failed.length > 0) context.process.exitCode = 1;
    return result;
  },
});

/** Where the server finds what `--from` means. */
async function placeOf(
  connection: Connection,
  from: string,
  { registry: named, repository: given, ecosystem }: SyncFlags,
): Promise<{ url: string } | { artifact: string; registry?: string }> {
  if (/^https?:\/\//i.test(from)) return { url: from };
  const reference = /^oci:\/\/(.+)$/i.exec(from)?.[1];
  if (reference !== undefined) return ownArtifact(connection, reference);
  const registry = await connection.registry(named);
  const repository = repositoryOf('--repository', given ?? defaultRepository);
  const { client } = await connectContent(connection.context, { server: connection.endpoint, registry });
  const digest = await withProgress(connection.context, `sending ${from}`, (progress) =>
    bringFile(client, {
      path: from,
      repository,
      ecosystem: ecosystem?.length === 1 ? ecosystem[0] : undefined,
      progress: (text, share) => progress.at(text, share),
    }),
  );
  return { registry, artifact: `${repository}@${digest}` };
}

/** A registry of this server is read without a way through the network. */
async function ownArtifact(
  { client }: Connection,
  reference: string,
): Promise<{ artifact: string; registry?: string }> {
  const [, host = '', rest = ''] = /^([^/]+)\/(.+)$/.exec(reference) ?? [];
  if (rest === '') throw new UsageError('--from: write oci://HOST/REPOSITORY:TAG');
  const own = await client.list(registryType).catch(() => []);
  const registry = own.find(({ properties }) => properties.loginServer === host.toLowerCase());
  return registry ? { registry: registry.name, artifact: rest } : { artifact: reference };
}

function textOf({ properties }: WireOperation): string {
  const { feed, records } = (properties?.['progress'] ?? {}) as { feed?: string; records?: number };
  return feed === undefined ? 'waiting' : `${feed}, ${records ?? 0} records`;
}

const columns: Columns = {
  Feed: 'feed',
  Records: 'records',
  Added: 'added',
  Changed: 'changed',
  Removed: 'removed',
  Refused: 'refused',
  Components: 'components',
};

function reportOf(value: Synced | { operation: string }): string {
  if ('operation' in value) return shown(value.operation);
  const { feeds, failed, revision } = value;
  const parts = [
    ...(feeds.length > 0 ? [table(feeds, columns)] : ['Nothing was to be brought up to date.']),
    ...feeds.flatMap(({ reasons = [] }) => reasons.map((reason) => shown(reason))),
    ...failed.map(({ feed, error }) => shown(`${feed}: ${error}`)),
    `Revision ${revision}.`,
  ];
  return parts.join('\n');
}
