import { RegistryError } from '../errors/index.ts';
import { discovery, keySet } from './discovery.ts';
import type { Oauth2Exchange, Oauth2Options } from './exchange.ts';
import { exchangeToken, grantByGet, grantByPost } from './grants.ts';

export type { Oauth2Exchange, Oauth2Options } from './exchange.ts';

type Handler = (options: Oauth2Options, exchange: Oauth2Exchange) => Response | Promise<Response>;

const routes: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  '/oauth2/exchange': { POST: exchangeToken },
  '/oauth2/token': { GET: grantByGet, POST: grantByPost },
  '/oauth2/keys': { GET: keySet },
  '/.well-known/openid-configuration': { GET: discovery },
};

/** The token protocol of ACR (acr §2.2), and what others need to verify its tokens. Undefined for every other path. */
export function createOauth2(options: Oauth2Options) {
  return async (exchange: Oauth2Exchange): Promise<Response | undefined> => {
    const route = Object.hasOwn(routes, exchange.path) ? routes[exchange.path] : undefined;
    if (!route) return undefined;
    exchange.route = 'token';
    const handler = Object.hasOwn(route, exchange.method) ? route[exchange.method] : undefined;
    if (handler) {
      if (exchange.path.startsWith('/oauth2/') && handler !== keySet) await options.admitRequest?.(exchange);
      return handler(options, exchange);
    }
    throw new RegistryError('UNSUPPORTED', {
      message: 'the method is not served here',
      headers: { Allow: Object.keys(route).join(', ') },
    });
  };
}
