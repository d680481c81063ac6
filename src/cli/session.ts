import { managementScope } from '../identity/index.ts';
import { ManagementClientError, type ManagementClientOptions } from '../operations/index.ts';
import { OutboundError } from '../outbound/index.ts';
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

/** Somebody who may speak to the management API of a server. */
export interface Session {
  server: RegistryAddress;
  /** Sends a request to it with the token. */
  readonly fetch: ManagementClientOptions['fetch'];
}

/**
 * Logs in to the management API as somebody has logged in to the host by `bonded login`, else by what needs no person. The
 * token is kept in memory only. Throws an Error that says what to do.
 */
export async function sessionFor(context: Context, host: string): Promise<Session> {
  const typed = registryAddress(host);
  const places = placesOf(context.environment);
  const login = (await readLogins(places.logins)).get(typed.host);
  const server = login && !host.includes('://') ? { ...registryAddress(login.origin), host: typed.host } : typed;
  const surroundings = surroundingsOf(context, login?.ca);
  const refresh =
    (login && (await renewed(login, server, surroundings))) ??
    stillGood(await storedToken(places, typed.host), surroundings) ??
    (await provenHere(server, surroundings));
  const token = await managementToken(surroundings, server, refresh);
  return {
    server,
    fetch: async (url, init) => {
      const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` };
      const answer = await call(surroundings, server, url, { ...init, headers });
      if (answer.status !== 401) return answer;
      throw refused(server);
    },
  };
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

async function managementToken(surroundings: Surroundings, server: RegistryAddress, refresh: string): Promise<string> {
  const form = {
    grant_type: 'refresh_token',
    service: server.authority,
    scope: managementScope,
    refresh_token: refresh,
  };
  const answer = await call(surroundings, server, `${server.origin}/oauth2/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams(form).toString(),
  });
  if (answer.status !== 200) throw refused(server);
  const { access_token: token } = (await answer.json()) as { access_token?: unknown };
  if (typeof token !== 'string') throw refused(server);
  return token;
}

async function call(
  surroundings: Surroundings,
  { origin }: RegistryAddress,
  url: string,
  { method = 'GET', headers, body }: RequestInit,
): Promise<Response> {
  try {
    return await surroundings.call(url, {
      method,
      headers: headers as Record<string, string>,
      ...(typeof body === 'string' && { body }),
    });
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    throw new Error(`${error.message}; check that the server runs at ${origin}, or name another by --server`, {
      cause: error,
    });
  }
}

function refused({ host }: RegistryAddress): ManagementClientError {
  const message = `${host} does not accept the login for its management API any more; log in again: bonded login ${host}`;
  return new ManagementClientError(401, { code: 'AuthenticationFailed', message });
}
