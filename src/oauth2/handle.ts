import { RegistryError } from '../errors/index.ts';
import { discovery, keySet } from './discovery.ts';
import type { Oauth2Exchange, Oauth2Options } from './exchange.ts';
import { exchangeToken, grantByGet, grantByPost } from './grants.ts';

export type { Oauth2Exchange, Oauth2Options } from './exchange.ts';

type Handler = (options: Oauth2Options, exchange: Oauth2Exchange) => Response | Promise<Response>;

const routes: ReadonlyMap<string, Readonly<Record<string, Handler>>> = new Map([
  ['/oauth2/exchange', { POST: exchangeToken }],
  ['/oauth2/token', { GET: grantByGet, POST: grantByPost }],
  ['/oauth2/keys', { GET: keySet }],
  ['/.well-known/openid-configuration', { GET: discovery }],
] as const);

/**
 * The token protocol of ACR (acr §2.2), and what others need to verify its tokens. Undefined, without a promise, for every
 * other path.
 */
export function createOauth2(options: Oauth2Options) {
  return (exchange: Oauth2Exchange): Promise<Response> | undefined => {
    const route = routes.get(exchange.path);
    return route && answer(options, exchange, route);
  };
}

async function answer(
  options: Oauth2Options,
  exchange: Oauth2Exchange,
  route: Readonly<Record<string, Handler>>,
): Promise<Response> {
  exchange.route = 'token';
  const handler = Object.hasOwn(route, exchange.method) ? route[exchange.method] : undefined;
  if (!handler) {
    throw new RegistryError('UNSUPPORTED', {
      message: 'the method is not served here',
      headers: { Allow: Object.keys(route).join(', ') },
    });
  }
  if (handler !== keySet && handler !== discovery) {
    const waits = options.admitRequest?.(exchange);
    if (waits) await waits;
  }
  return handler(options, exchange);
}
