import {
  type Authenticator,
  type Caller,
  type Directory,
  type Gate,
  type GatedExchange,
  type Refusal,
} from '../identity/index.ts';
import type { Oauth2Exchange } from '../oauth2/index.ts';
import {
  type Budget,
  budgetHeaders,
  type Category,
  type SourceThrottle,
  type Throttle,
  type Tiers,
} from '../tiers/index.ts';
import { callerOf } from './gates.ts';

export interface ThrottleGateOptions {
  authenticator: Authenticator;
  directory(): Directory;
  tiers: Tiers;
  throttle: Throttle;
  source: SourceThrottle;
}

type Knocking = Parameters<Authenticator['known']>[0] & Pick<GatedExchange, 'address'>;

/** The gates that turn away who asks too often (design §3), for all protocols, and the same for the token protocol. */
export function createThrottleGates({ authenticator, directory, tiers, throttle, source }: ThrottleGateOptions) {
  const tierOf = (registryId: number) => tiers.of(directory().registry(registryId)?.tier ?? '');

  /** Who shows nothing has not failed, and who was let in a moment ago is not kept out by others behind its address. */
  function requireSource(exchange: Knocking): void {
    const authorization = exchange.request.headers.get('authorization');
    if (authorization === null || !source.isAnyExhausted()) return;
    const address = exchange.address();
    if (source.isExhausted(address) && !authenticator.known(exchange, authorization)) source.require(address);
  }

  const tell = (exchange: { headers?: Record<string, string> }, budget: Budget | undefined) => {
    if (!budget) return;
    const headers = budgetHeaders(budget);
    exchange.headers = exchange.headers ? Object.assign(exchange.headers, headers) : headers;
  };

  return {
    source: ((exchange) => requireSource(exchange)) satisfies Gate,

    throttle: ((exchange) => {
      const tier = tierOf(exchange.registryId);
      if (!tier.hasRates) return;
      const category = categoryOf(exchange);
      if (!category) return;
      const waits = category === 'dataplaneWrite' && {
        waits: { signal: exchange.request.signal, waiting: () => exchange.untimed() },
      };
      const caller = callerOf(exchange.caller);
      const { registryId } = exchange;
      const counted = throttle.count({ tier, registryId, category, identity: caller.id, caller, ...waits });
      if (counted instanceof Promise) return counted.then((budget) => tell(exchange, budget));
      return tell(exchange, counted);
    }) satisfies Gate,

    /** Before a request for a token is looked at; the registry alone is counted (acr §1.3). */
    admitOauth2(exchange: Oauth2Exchange): void | Promise<void> {
      if (source.isAnyExhausted()) {
        // Of a form nobody knows yet what is in it.
        if (exchange.method === 'POST') source.require(exchange.address());
        else requireSource(exchange);
      }
      const tier = tierOf(exchange.registryId);
      if (!tier.hasRates) return undefined;
      const { registryId } = exchange;
      const counted = throttle.count({ tier, registryId, category: 'oauth', identity: undefined });
      if (counted instanceof Promise) return counted.then((budget) => tell(exchange, budget));
      return tell(exchange, counted);
    },

    /** Told of each refusal of who has shown something: what is simply over is no guess. */
    failed(exchange: Pick<GatedExchange, 'address'>, refusal: Refusal, caller: Caller | undefined): void {
      if (caller || refusal.answer === 'unavailable' || harmless.has(refusal.reason)) return;
      source.failed(exchange.address());
    },
  };
}

/** Refusals of clients that hold what was good once, or is good elsewhere, or that show nothing. */
const harmless = new Set([
  'no_credentials',
  'expired',
  'not_yet_valid',
  'disabled',
  'repository_replaced',
  'mode_changed',
  'insufficient_scope',
  'not_exchangeable',
]);

/** What a request is counted as (acr §1.3); undefined for what is no request to the content of a registry. */
function categoryOf({ method, route, action }: GatedExchange): Category | undefined {
  if (action === 'management') return undefined;
  if (route === 'referrers') return 'listReferrers';
  switch (method) {
    case 'GET':
    case 'HEAD':
      return 'dataplaneRead';
    case 'DELETE':
      return 'dataplaneDelete';
    default:
      return 'dataplaneWrite';
  }
}
