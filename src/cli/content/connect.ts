import { createManagementClient, ManagementClientError } from '../../operations/index.ts';
import { registryType } from '../../registries/index.ts';
import { type Context, defaultHost } from '../context.ts';
import { defaultOf } from '../defaults.ts';
import { UsageError } from '../failure.ts';
import { findLogin, type Place, placeOf } from '../find-login.ts';
import { openProgress } from '../progress.ts';
import { sessionFor } from '../session.ts';
import { type ContentClient, createContentClient, type Credentials } from './client.ts';

/** Which registry is meant, and who asks. */
export interface ContentTarget {
  server?: string | undefined;
  /** Name of a registry of the server, or a login server; default: what the server answers as. */
  registry?: string | undefined;
  /** Of a token of the registry or its admin user; default: whoever has logged in. */
  username?: string | undefined;
  password?: string | undefined;
}

/** What a command about content works with. */
export interface ContentConnection {
  client: ContentClient;
  context: Context;
  /** Tells a person something that is no part of the outcome. */
  note(text: string): void;
}

/** Logs in to a registry for its content. Throws an Error that says what to do. */
export async function connectContent(context: Context, target: ContentTarget): Promise<ContentConnection> {
  const given = passwordOf(context, target);
  const place = await registryPlace(context, target);
  const { server, surroundings } = place;
  const credentials: Credentials = given ?? (await findLogin(context, place));
  const listing = () => {
    const progress = openProgress(context, 'Reading');
    return { counted: (items: number) => progress.at(`${items} so far`), end: () => progress.end() };
  };
  return {
    client: createContentClient({ server, surroundings, credentials, listing }),
    context,
    note: (text) => void context.process.stderr.write(`${text}\n`),
  };
}

/** Where the registry that is meant answers. */
export async function registryPlace(context: Context, { server, registry: named }: ContentTarget): Promise<Place> {
  const host = server ?? defaultHost(context);
  // The default is of the default server.
  const registry = named ?? (server === undefined ? defaultOf(context, 'registry')?.value : undefined);
  if (registry === undefined) return placeOf(context, host);
  // Names of registries have neither.
  if (/[.:]/.test(registry)) return placeOf(context, registry, host);
  const session = await sessionFor(context, host);
  const { origin, authority } = session.server;
  const management = createManagementClient({ endpoint: origin, fetch: session.fetch });
  const { properties } = await management.get(registryType, [registry]).catch((error: unknown) => {
    if (!(error instanceof ManagementClientError && error.status === 403)) throw error;
    throw new UsageError(
      `you may not ask the server where the registry ${registry} is; give its login server instead of its name`,
    );
  });
  const { loginServer } = properties;
  if (loginServer === undefined || loginServer === authority) return placeOf(context, host);
  return placeOf(context, `${new URL(origin).protocol}//${loginServer}`, session.server.host);
}

function passwordOf({ environment }: Context, { username, password }: ContentTarget): Credentials | undefined {
  const name = username ?? (environment['BONDED_USERNAME'] || undefined);
  const secret = password ?? (environment['BONDED_PASSWORD'] || undefined);
  if (name === undefined && password === undefined) return undefined;
  if (name !== undefined && secret !== undefined) return { username: name, password: secret };
  throw new UsageError(
    name === undefined
      ? '--password goes with --username'
      : `the password of ${name} is missing: --password, or better BONDED_PASSWORD, which no list of processes shows`,
  );
}
