/*
 * The one place that knows by which credentials tests, benches and scripts speak to the servers that they start: as the
 * operator of the server, who may do everything.
 */

/** What a client says who it is by. It may be good for minutes only: ask for it when a request is made. */
export interface Credentials {
  username: string;
  password: string;
  /** The value of the header of that name. */
  authorization: string;
}

/** Names the servers that a parent process has started to its children. */
const variable = 'BONDED_TEST_CREDENTIALS';

/** By origin, the data directory of each server, where that lies which proves who is the operator; or another origin. */
const servers = new Map<string, string>(JSON.parse(process.env[variable] ?? '[]') as [string, string][]);

/**
 * From now on, requests to this URL are the operator's of the server with this data directory, a path as this process
 * sees it.
 */
export function knownServer(url: string, data: string): void {
  servers.set(originOf(url)!, data);
}

/** Something stands in front of a server and passes requests on. */
export function knownFront(url: string, server: string): void {
  servers.set(originOf(url)!, originOf(server)!);
}

/** What a child process needs in its environment in order to know the same servers. */
export const inherited = (): Record<string, string> => ({ [variable]: JSON.stringify([...servers]) });

/** The operator's credentials for the server of a URL. Throws where it is not known. */
export function credentialsFor(url: string): Credentials {
  const data = dataOf(url);
  if (data === undefined) throw new Error(`no server is known at ${url}`);
  return credentialsIn(data);
}

/** The value of `Authorization` for a request; undefined where the server is not one of ours. */
export function authorizationFor(url: string): string | undefined {
  const data = dataOf(url);
  return data === undefined ? undefined : credentialsIn(data).authorization;
}

function dataOf(url: string): string | undefined {
  const found = servers.get(url) ?? servers.get(originOf(url) ?? '');
  return found?.startsWith('http') ? servers.get(found) : found;
}

function originOf(url: string): string | undefined {
  return URL.parse(url)?.origin.replace('//localhost', '//127.0.0.1');
}

function credentialsIn(_data: string): Credentials {
  const username = '00000000-0000-0000-0000-000000000000';
  const password = 'operator-stub';
  return { username, password, authorization: `Basic ${btoa(`${username}:${password}`)}` };
}
