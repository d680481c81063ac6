import { createManagementClient, type ManagementClient, ManagementClientError } from '../../operations/index.ts';
import { registryType } from '../../registries/index.ts';
import { type Context, defaultHost } from '../context.ts';
import { RegistryUnreachable } from '../exchange.ts';
import { defaultOf } from '../defaults.ts';
import { UsageError } from '../failure.ts';
import { type Display, openProgress } from '../progress.ts';
import { sessionFor } from '../session.ts';

/** What a command works with. */
export interface Connection extends Disposable {
  client: ManagementClient;
  context: Context;
  /** Scheme, host and port of the server. */
  endpoint: string;
  /** The registry that somebody named, else the one whose host the server was called by, else the only one. */
  registry(named?: string): Promise<string>;
  /** Tells a person something that is no part of the outcome. */
  note(text: string): void;
}

export async function connect(context: Context, server: string | undefined): Promise<Connection> {
  const session = await sessionFor(context, server ?? defaultHost(context)).catch((error: unknown) => {
    // Whoever has logged in elsewhere need not know that commands have a server of their own.
    const isGuess = server === undefined && !defaultOf(context, 'server');
    if (!(isGuess && error instanceof RegistryUnreachable)) throw error;
    throw new Error(`${error.message}; --server or BONDED_SERVER names another server`, { cause: error });
  });
  const { origin, authority } = session.server;
  // Only what is long-running waits.
  let waiting: Display | undefined;
  const client = createManagementClient({
    endpoint: origin,
    fetch: session.fetch,
    async sleep(ms) {
      waiting ??= openProgress(context, 'Waiting for the server');
      await Bun.sleep(ms);
    },
  });
  return {
    client,
    context,
    endpoint: origin,
    note: (text) => void context.process.stderr.write(`${text}\n`),
    [Symbol.dispose]: () => waiting?.end(),
    async registry(named) {
      if (named !== undefined) return named;
      // The default is of the default server.
      const usual = server === undefined ? defaultOf(context, 'registry')?.value : undefined;
      if (usual !== undefined && !/[.:]/.test(usual)) return usual;
      const all = await registriesOf(client);
      const own =
        all.find(({ properties }) => properties.loginServer === authority) ?? (all.length === 1 ? all[0] : undefined);
      if (own) return own.name;
      throw new UsageError(
        `--registry says which one: ${all.map(({ name }) => name).join(', ') || 'there is none yet'}`,
      );
    },
  };
}

async function registriesOf(client: ManagementClient) {
  try {
    return await client.list(registryType);
  } catch (error) {
    if (!(error instanceof ManagementClientError && error.status === 403)) throw error;
    throw new UsageError('name the registry (--registry, or --name of a registry): you may not list which there are');
  }
}
