import { advisoryDatabaseName, advisoryDatabaseType, exportAdvisories } from '../../../advisories/index.ts';
import { requireDigest } from '../../../oci/index.ts';
import { connectContent, imageOf } from '../../content/index.ts';
import { bytesColumn, type Columns } from '../../output/index.ts';
import { proposeImages } from '../../completion/propose.ts';
import { withProgress } from '../../progress.ts';
import { manageCommand } from '../command.ts';
import { registryFlag, type RegistryFlag, textFlag } from '../flags.ts';
import { defaultRepository } from './bring-file.ts';
import { writeLayout } from './layout.ts';

interface ExportFlags extends RegistryFlag {
  image?: string;
  feed?: readonly string[];
  layout?: string;
}

const columns: Columns = { Digest: 'digest', Size: bytesColumn('bytes'), Revision: 'revision', Image: 'image' };

export const exportBundle = manageCommand<ExportFlags>({
  brief: 'Write all advisories into a repository, as an artifact for other servers',
  details:
    'Writes what is known of vulnerabilities into a repository of the server, as an OCI artifact with a layer for each source. ' +
    'Another server is brought up to date from it by advisories sync --from, or by itself where advisories.bundle names it. The ' +
    'same knowledge has the same digest, and layers that have not changed are not sent again. --layout fetches it, too, to a ' +
    'directory that can be carried to where no network leads. Some sources ask for attribution, and Ubuntu’s is CC-BY-SA: --feed ' +
    'chooses what goes into an artifact.',
  examples: [
    'advisories export',
    'advisories export --image bonded/advisories:2026-11 --feed osv/Debian --feed kev',
    'advisories export --layout ./advisories',
  ],
  flags: {
    ...registryFlag,
    image: {
      ...textFlag,
      placeholder: 'repository:tag',
      proposeCompletions: proposeImages(['--registry', '-r']),
      brief: `What it is called (default ${defaultRepository}:latest)`,
    },
    feed: {
      ...textFlag,
      variadic: true,
      placeholder: 'name',
      brief: 'Only this source; may be repeated (default: all)',
    },
    layout: { ...textFlag, placeholder: 'directory', brief: 'Fetch it to an OCI image layout in this directory' },
  },
  aliases: { r: 'registry' },
  columns,
  async run(connection, { registry: named, image: text, feed, layout }) {
    const { client, context } = connection;
    const registry = await connection.registry(named);
    const image = imageOf('--image', text ?? `${defaultRepository}:latest`);
    const input = { registry, image: image.name, ...(feed && { feeds: [...feed] }) };
    const operation = await client.begin(advisoryDatabaseType, exportAdvisories, [advisoryDatabaseName], input);
    const ended = await withProgress(context, 'exporting advisories', (progress) =>
      client.follow(operation, (looked) => progress.at(feedOf(looked.properties), (looked.percentComplete ?? 0) / 100)),
    );
    const { progress: _, ...result } = ended.properties ?? {};
    if (layout !== undefined) {
      const content = await connectContent(context, { server: connection.endpoint, registry });
      const { repository, tag = 'latest' } = image;
      const digest = requireDigest(String(result['digest']));
      await withProgress(context, `fetching ${image.name}`, (progress) =>
        writeLayout(content.client, { repository, digest, tag }, layout, (done) => progress.at(done)),
      );
    }
    return { image: image.name, ...result };
  },
});

function feedOf(properties: Record<string, unknown> | undefined): string {
  const { feed } = (properties?.['progress'] ?? {}) as { feed?: string };
  return feed ?? 'waiting';
}
