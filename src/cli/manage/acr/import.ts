import { proposeImages, proposeRegistries, proposeRepositories } from '../../completion/propose.ts';
import { idOf, ManagementClientError, type WireOperation } from '../../../operations/index.ts';
import { importImage, registryType } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { withProgress } from '../../progress.ts';
import { readInput } from '../../read-input.ts';
import { bytesColumn, type Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import type { Connection } from '../connect.ts';
import { textFlag, requiredText } from '../flags.ts';

interface ImportFlags {
  name?: string;
  source: string;
  registry?: string;
  image?: readonly string[];
  repository?: readonly string[];
  force: boolean;
  noWait: boolean;
  username?: string;
  passwordStdin: boolean;
  secret?: string;
}

const columns: Columns = {
  Digest: 'digest',
  Manifests: 'manifests',
  Blobs: 'blobs',
  Size: bytesColumn('bytes'),
  Operation: 'operation',
};
const maxPasswordBytes = 64 * 1024;

export const importCommand = manageCommand<ImportFlags>({
  brief: 'Import an image from another registry',
  details:
    'Copies an image into a registry: with all that an index names, and with all that refers to it, such as signatures. The ' +
    'server does it, and goes on with it after a crash. From a registry of the same server (--registry, or a source whose host ' +
    'is its login server) nothing is copied but names. Without --image and --repository it is called as at the source.',
  examples: [
    'acr import --source ghcr.io/team/app:v1',
    'acr import --name teamb --source team/app:v1 --registry default --image app:v1 --image app:latest',
    'acr import --source registry.example.com/team/app:v1 --username ci --password-stdin < password',
    'acr import --source registry.example.com/team/app:v1 --secret example --force',
  ],
  flags: {
    name: {
      ...textFlag,
      placeholder: 'name',
      brief: 'Registry to import to (default: the one of the server)',
      proposeCompletions: proposeRegistries,
    },
    source: { ...requiredText, placeholder: 'image', brief: 'HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST' },
    registry: {
      ...textFlag,
      placeholder: 'name|id',
      proposeCompletions: proposeRegistries,
      brief: 'Registry of this server that the source is in; then --source has no host',
    },
    image: {
      ...textFlag,
      variadic: true,
      placeholder: 'repository:tag',
      proposeCompletions: proposeImages(['--name', '-n']),
      brief: 'What it is to be called; may be repeated',
    },
    repository: {
      ...textFlag,
      variadic: true,
      placeholder: 'repository',
      proposeCompletions: proposeRepositories(['--name', '-n']),
      brief: 'Repository that gets it without a tag; may be repeated',
    },
    force: { kind: 'boolean', default: false, withNegated: false, brief: 'Move tags that mean another image' },
    noWait: { kind: 'boolean', default: false, withNegated: false, brief: 'Do not wait until it has ended' },
    username: { ...textFlag, placeholder: 'name', brief: 'User of the source' },
    passwordStdin: {
      kind: 'boolean',
      default: false,
      withNegated: false,
      brief: 'Read the password of the source from standard input',
    },
    secret: {
      ...textFlag,
      placeholder: 'name',
      brief: 'Secret of `import.secrets` of the server in place of a password',
    },
  },
  aliases: { n: 'name', r: 'registry', t: 'image', u: 'username' },
  columns,
  async run(connection, flags) {
    const { client, context } = connection;
    const name = await connection.registry(flags.name);
    const source = await sourceOf(connection, flags);
    const named = flags.image ?? [];
    const untagged = flags.repository ?? [];
    const body = {
      source,
      targetTags: named.length + untagged.length > 0 ? [...named] : [source.sourceImage.replace(/@.*$/, '')],
      ...(untagged.length > 0 && { untaggedTargetRepositories: [...untagged] }),
      mode: flags.force ? 'Force' : 'NoForce',
    } as const;
    const operation = await client.begin(registryType, importImage, [name], body);
    if (flags.noWait) return { operation };
    const ended = await withProgress(context, `importing ${flags.source}`, (progress) =>
      client.follow(operation, (looked) => progress.at(textOf(looked), (looked.percentComplete ?? 0) / 100)),
    );
    const { progress: _, ...result } = ended.properties ?? {};
    return result;
  },
});

interface Counted {
  manifests?: { done: number; total: number };
  blobs?: { done: number; total: number };
  bytes?: { done: number; total: number };
}

function textOf({ properties }: WireOperation): string {
  const { manifests, blobs, bytes } = (properties?.['progress'] ?? {}) as Counted;
  if (!manifests || !blobs || !bytes) return 'waiting';
  const mebibytes = (count: number) => Math.ceil(count / 2 ** 20);
  return (
    `${manifests.done} of ${manifests.total} manifests, ${blobs.done} of ${blobs.total} blobs, ` +
    `${mebibytes(bytes.done)} of ${mebibytes(bytes.total)} MiB`
  );
}

async function sourceOf(connection: Connection, flags: ImportFlags) {
  const { source, registry, secret, username, passwordStdin } = flags;
  const hasCredentials = secret !== undefined || username !== undefined || passwordStdin;
  if (registry !== undefined) {
    if (hasCredentials)
      throw new UsageError('--registry is of this server, which knows who you are; leave credentials out');
    return { resourceId: registry.startsWith('/') ? registry : idOf(registryType, [registry]), sourceImage: source };
  }
  const [, host = '', sourceImage = ''] = /^((?:https?:\/\/)?[^/]+)\/(.+)$/i.exec(source) ?? [];
  if (!/[.:]/.test(host) && host !== 'localhost') {
    throw new UsageError(
      '--source has no host: write HOST/REPOSITORY:TAG, or name a registry of this server (--registry)',
    );
  }
  const own = hasCredentials ? undefined : await registryAt(connection, host);
  if (own !== undefined) return { resourceId: own, sourceImage };
  const credentials = await credentialsOf(connection, flags);
  return { registryUri: host, sourceImage, ...(credentials && { credentials }) };
}

/** The registry of this server whose clients use a host; undefined also where one may not list them. */
async function registryAt({ client }: Connection, host: string): Promise<string | undefined> {
  try {
    const all = await client.list(registryType);
    return all.find(({ properties }) => properties.loginServer === host.toLowerCase())?.id;
  } catch (error) {
    if (error instanceof ManagementClientError && error.status === 403) return undefined;
    throw error;
  }
}

async function credentialsOf({ context }: Connection, { secret, username, passwordStdin }: ImportFlags) {
  if (secret !== undefined) {
    if (username !== undefined || passwordStdin)
      throw new UsageError('give --secret, or --username and --password-stdin');
    return { secret };
  }
  if (username === undefined && !passwordStdin) return undefined;
  if (!passwordStdin)
    throw new UsageError('--username needs --password-stdin; a password on a command line can be read by others');
  const password = (await readInput(context.process.stdin, maxPasswordBytes)).replace(/\r?\n$/, '');
  if (password === '') throw new UsageError('standard input is empty; it must have the password');
  return { ...(username !== undefined && { username }), password };
}
