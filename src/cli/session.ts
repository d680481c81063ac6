import { managementScope } from '../identity/index.ts';
import type { ManagementClientOptions } from '../operations/index.ts';
import { OutboundError } from '../outbound/index.ts';
import type { Context } from './context.ts';
import { accessToken, callServer, findLogin, loginEnded, placeOf } from './find-login.ts';
import type { RegistryAddress } from './registry-address.ts';

/** How long a server that has answered before may be away, as while it is started anew, and pauses between two looks (ms). */
const awayMs = 60_000;
const againMs = 500;
const longestPauseMs = 10_000;
/** What it says then, or what stands in front of it. */
const away: ReadonlySet<number> = new Set([429, 502, 503, 504]);

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
  let login = await findLogin(context, place);
  const { server, surroundings } = login;
  const first = await accessToken(login, managementScope);
  if (first === undefined) throw refused(server);
  let token = first;

  /** Another token of the login, or of a new one where that is over. */
  async function renew(): Promise<string | undefined> {
    const another = await accessToken(login, managementScope);
    if (another !== undefined) return another;
    login = await findLogin(context, place);
    return accessToken(login, managementScope);
  }

  let renewing: Promise<string | undefined> | undefined;
  /** For all who were refused with the same token. */
  async function renewed(shown: string): Promise<string | undefined> {
    if (token !== shown) return token;
    renewing ??= renew()
      .catch(() => undefined)
      .finally(() => (renewing = undefined));
    const found = await renewing;
    token = found ?? token;
    return found;
  }

  return {
    server,
    fetch: async (url, { method = 'GET', headers, body }) => {
      const send = (shown: string) => {
        const call = () =>
          callServer(surroundings, server, url, {
            method,
            headers: { ...(headers as Record<string, string>), authorization: `Bearer ${shown}` },
            ...(typeof body === 'string' && { body }),
          });
        return method === 'GET' ? unlessAway(call) : call();
      };
      const shown = token;
      let answer = await send(shown);
      if (answer.status !== 401) return answer;
      // What is waited for may take longer than a token lasts.
      const another = await renewed(shown);
      if (another !== undefined) answer = await send(another);
      if (answer.status === 401) throw refused(server);
      return answer;
    },
  };
}

/** Asks again while nobody answers, or who does is too busy: what is waited for goes on when that is over. */
async function unlessAway(ask: () => Promise<Response>): Promise<Response> {
  for (const until = performance.now() + awayMs; ;) {
    let pauseMs = againMs;
    try {
      const answer = await ask();
      if (!away.has(answer.status) || performance.now() > until) return answer;
      pauseMs = Math.min(longestPauseMs, Math.max(pauseMs, Number(answer.headers.get('retry-after') ?? 0) * 1000 || 0));
    } catch (error) {
      const reason =
        (error as Error).cause instanceof OutboundError && ((error as Error).cause as OutboundError).reason;
      if ((reason !== 'unreachable' && reason !== 'timed_out') || performance.now() > until) throw error;
    }
    await Bun.sleep(pauseMs);
  }
}

const refused = (server: RegistryAddress) => loginEnded(server, 'its management API');
