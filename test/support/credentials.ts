import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EcKey, ecKeyOf } from '../../src/keys/ec-key.ts';
import { signOperatorToken } from '../../src/keys/index.ts';
import { inheritedOwner, ownerDirectory, signOwnerToken } from './owner.ts';

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

/** What is known of an origin: the server that answers there, or behind it, and what proves who is asking (a data directory, or an owner's). */
interface Known {
  origin: string;
  proof: string;
}

/** By where they are asked: the one that was named last counts, as long as it is there. */
const servers = new Map<string, Known[]>(
  (JSON.parse(process.env[variable] ?? '[]') as [string, Known][]).map(([origin, known]) => [origin, [known]]),
);

/** Tokens that were signed, by origin. */
const signed = new Map<string, { at: number; credentials: Credentials }>();

/**
 * From now on, requests to this URL are the operator's of the server with this data directory, a path as this process
 * sees it; or the first owner's, where the server has none. Until that is disposed of: then its port may be anybody's.
 */
export function knownServer(url: string, data: string, { isOwners = false }: { isOwners?: boolean } = {}): Disposable {
  const origin = originOf(url)!;
  // Another server may have been there before.
  signed.delete(origin);
  return knownUntilDisposed(origin, { origin, proof: isOwners ? `${ownerMark}${ownerDirectory()}` : data });
}

const ownerMark = 'owner:';

/**
 * Something stands in front of a server and passes requests on, until it is disposed of: also while that server is away,
 * since there may be others behind it.
 */
export function knownFront(url: string, server: string): Disposable {
  return knownUntilDisposed(originOf(url)!, find(server)!);
}

function knownUntilDisposed(origin: string, known: Known): Disposable {
  const entry = { ...known };
  const entries = servers.get(origin) ?? [];
  servers.set(origin, entries);
  entries.push(entry);
  return { [Symbol.dispose]: () => void entries.splice(entries.indexOf(entry), entries.includes(entry) ? 1 : 0) };
}

/** What a child process needs in its environment in order to know the same servers. */
export const inherited = (): Record<string, string> => ({
  [variable]: JSON.stringify([...servers].flatMap(([origin, known]) => known.slice(-1).map((last) => [origin, last]))),
  ...inheritedOwner(),
});

/** The operator's credentials for the server of a URL. Throws where it is not known. */
export function credentialsFor(url: string): Credentials {
  const known = find(url);
  if (!known) throw new Error(`no server is known at ${url}`);
  return credentialsOf(known);
}

/** The value of `Authorization` for a request; undefined where the server is not one of ours. */
export function authorizationFor(url: string): string | undefined {
  const known = find(url);
  return known && credentialsOf(known).authorization;
}

function find(url: string): Known | undefined {
  return servers.get(originOf(url) ?? '')?.at(-1);
}

function originOf(url: string): string | undefined {
  return URL.parse(url)?.origin.replace('//localhost', '//127.0.0.1');
}

/** Life of a token (ms), and how long one is used: what gets it may take a while until it has shown it. */
const lifeMs = 600_000;
const usedMs = 300_000;

function credentialsOf({ origin, proof }: Known): Credentials {
  const before = signed.get(origin);
  if (before && performance.now() - before.at < usedMs) return before.credentials;
  const username = '00000000-0000-0000-0000-000000000000';
  const password = proof.startsWith(ownerMark)
    ? signOwnerToken(proof.slice(ownerMark.length), lifeMs)
    : signOperatorToken(keyIn(proof), { audience: new URL(origin).host, ttlMs: lifeMs });
  const credentials = { username, password, authorization: `Basic ${btoa(`${username}:${password}`)}` };
  signed.set(origin, { at: performance.now(), credentials });
  return credentials;
}

/** The key of the operator (see keys/operator-key.ts), read at once: whoever asks for a header does not wait. */
function keyIn(data: string): EcKey {
  const text = readFileSync(join(data, 'keys', 'operator.jwk'), 'utf8');
  return ecKeyOf(createPrivateKey({ key: JSON.parse(text) as Record<string, string>, format: 'jwk' }));
}
