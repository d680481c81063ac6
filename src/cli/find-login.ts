import { ManagementClientError } from '../operations/index.ts';
import { type DirectRequest, OutboundError } from '../outbound/index.ts';
import type { Context } from './context.ts';
import { storedToken } from './credentials/client-files.ts';
import { readLogins, type RecordedLogin } from './credentials/logins.ts';
import { placesOf } from './credentials/places.ts';
import { expiryOf } from './exchange.ts';
import { proveBy, proveByAny } from './login/prove.ts';
import { ambient } from './proofs/find-proof.ts';
import type { Surroundings } from './proofs/proof.ts';
import { type RegistryAddress, registryAddress } from './registry-address.ts';
import { surroundingsOf } from './surroundings.ts';

/** Somebody whom a server knows. */
export interface Login {
  server: RegistryAddress;
  surroundings: Surroundings;
  /** A refresh token of it, kept in memory only. */
  refresh: string;
}

/** What a host is spoken to by, before anybody has proved anything. */
export interface Place {
  server: RegistryAddress;
  surroundings: Surroundings;
  /** How somebody has logged in to it by `bonded login`. */
  login: RecordedLogin | undefined;
}

/** Where a host is. `like` is another host of the same server, whose login is good for this one, too. */
export async function placeOf(context: Context, host: string, like?: string): Promise<Place> {
  const typed = registryAddress(host);
  const logins = await readLogins(placesOf(context.environment).logins);
  const own = logins.get(typed.host);
  const login = own ?? (like === undefined ? undefined : logins.get(like));
  const server = own && !host.includes('://') ? { ...registryAddress(own.origin), host: typed.host } : typed;
  return { server, surroundings: surroundingsOf(context, login?.ca), login };
}

/**
 * Logs in to a host as somebody has logged in to it by `bonded login`, else by what needs no person. Throws an Error that
 * says what to do.
 */
export async function findLogin(context: Context, { server, surroundings, login }: Place): Promise<Login> {
  const refresh =
    (login && (await renewed(login, server, surroundings))) ??
    stillGood(await storedToken(placesOf(context.environment), server.host), surroundings) ??
    (await provenHere(server, surroundings));
  return { server, surroundings, refresh };
}

/** A login that is made again. */
async function renewed(
  { method, audience, data, tokenFile, clientId, tenantId }: RecordedLogin,
  registry: RegistryAddress,
  surroundings: Surroundings,
): Promise<string | undefined> {
  const request = { registry, audience, data, tokenFile, clientId, tenantId };
  const session = await proveBy([method, ambient[method]], request, surroundings);
  return session?.refresh.token;
}

function stillGood(token: string | undefined, { now }: Surroundings): string | undefined {
  return token !== undefined && (expiryOf(token) ?? 0) > now() ? token : undefined;
}

async function provenHere(registry: RegistryAddress, surroundings: Surroundings): Promise<string> {
  const { environment } = surroundings;
  const failures: string[] = [];
  const request = { registry, audience: environment['BONDED_LOGIN_AUDIENCE'] };
  const session = await proveByAny(request, surroundings, failures);
  if (session) return session.refresh.token;
  const { host } = registry;
  throw new Error(
    `nothing here says to ${host} who you are${failures.map((failure) => `; ${failure}`).join('')}. Log in: bonded login ` +
      `${host}. On the machine of the server, as its user, BONDED_DATA may name its data directory instead; --server names ` +
      'another server',
  );
}

/** An access token for a scope (acr §2.2); undefined where the login is good no more. */
export async function accessToken(
  { surroundings, server, refresh }: Login,
  scope: string,
): Promise<string | undefined> {
  const form = { grant_type: 'refresh_token', service: server.authority, scope, refresh_token: refresh };
  const answer = await callServer(surroundings, server, `${server.origin}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(form).toString(),
  });
  if (answer.status !== 200) return undefined;
  const { access_token: token } = (await answer.json()) as { access_token?: unknown };
  return typeof token === 'string' ? token : undefined;
}

/** Calls a server. Throws an Error that says what to do where it does not answer. */
export async function callServer(
  surroundings: Surroundings,
  { origin }: RegistryAddress,
  url: string,
  request: DirectRequest,
): Promise<Response> {
  try {
    return await surroundings.call(url, request);
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    throw new Error(`${error.message}; check that the server runs at ${origin}, or name another by --server`, {
      cause: error,
    });
  }
}

/** The server does not know somebody any more; `what` is what it refused. */
export function loginEnded({ host }: RegistryAddress, what: string): ManagementClientError {
  const message = `${host} does not accept the login for ${what} any more; log in again: bonded login ${host}`;
  return new ManagementClientError(401, { code: 'AuthenticationFailed', message });
}
