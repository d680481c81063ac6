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
  const place = await placeOf(context, host);
  const login = await findLogin(context, place);
  const { server, surroundings } = login;
  let token = await accessToken(login, managementScope);
  if (token === undefined) throw refused(server);

  /** A token ends after a while, and a login as well; what is long-running is followed for longer. */
  async function renew(): Promise<string | undefined> {
    const renewed = await accessToken(login, managementScope);
    if (renewed !== undefined) return renewed;
    const again = await findLogin(context, place).catch(() => undefined);
    return again && accessToken(again, managementScope);
  }

  return {
    server,
    fetch: async (url, { method = 'GET', headers, body }) => {
      const send = () =>
        callServer(surroundings, server, url, {
          method,
          headers: { ...(headers as Record<string, string>), authorization: `Bearer ${token}` },
          ...(typeof body === 'string' && { body }),
        });
      const first = await send();
      if (first.status !== 401) return first;
      token = await renew();
      const second = token === undefined ? first : await send();
      if (second.status !== 401) return second;
      throw refused(server);
    },
  };
}

const refused = (server: RegistryAddress) => loginEnded(server, 'its management API');
