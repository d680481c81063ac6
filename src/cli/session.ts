import { managementScope } from '../identity/index.ts';
import type { ManagementClientOptions } from '../operations/index.ts';
import type { Context } from './context.ts';
import { accessToken, callServer, findLogin, loginEnded, placeOf } from './find-login.ts';
import type { RegistryAddress } from './registry-address.ts';

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
  const login = await findLogin(context, await placeOf(context, host));
  const { server, surroundings } = login;
  const token = await accessToken(login, managementScope);
  if (token === undefined) throw refused(server);
  return {
    server,
    fetch: async (url, { method = 'GET', headers, body }) => {
      const answer = await callServer(surroundings, server, url, {
        method,
        headers: { ...(headers as Record<string, string>), authorization: `Bearer ${token}` },
        ...(typeof body === 'string' && { body }),
      });
      if (answer.status !== 401) return answer;
      throw refused(server);
    },
  };
}

const refused = (server: RegistryAddress) => loginEnded(server, 'its management API');
