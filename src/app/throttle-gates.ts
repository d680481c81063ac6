import { isSearch } from '../acr/index.ts';
import {
  type Authenticator,
  type Caller,
  type Directory,
  type Gate,
  type GatedExchange,
  type Needs,
  type Refusal,
  rightsOf,
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
  /** Told of each refusal, with who was refused where that is known. */
  refused(exchange: Refusable, why: 'failed_logins' | 'throttled', caller: Caller | undefined, error: unknown): void;
}

/** What of a request a record of its refusal needs. */
export type Refusable = Pick<GatedExchange, 'address' | 'requestId' | 'registryId' | 'action' | 'repository'>;

type Knocking = Parameters<Authenticator['known']>[0] & Refusable;

/** The gates that turn away who asks too often (design §3), for all protocols, and the same for the token protocol. */
export function createThrottleGates(options: ThrottleGateOptions) {
  const { authenticator, directory, tiers, throttle, source, refused } = options;
  const tierOf = (registryId: number) => tiers.of(directory().registry(registryId)?.tier ?? '');

  /** Who shows nothing has not failed, and who was let in a moment ago is not kept out by others behind its address. */
  function requireSource(exchange: Knocking): void {
    const authorization = exchange.request.headers.get('authorization');
    if (authorization === null || !source.isAnyExhausted()) return;
    const address = exchange.address();
    if (source.isExhausted(address) && !authenticator.known(exchange, authorization)) turnAway(exchange);
  }

  function turnAway(exchange: Refusable): void {
    try {
      source.require(exchange.address());
    } catch (error) {
      refused(exchange, 'failed_logins', undefined, error);
      throw error;
    }
  }

  /** Lets a request wait until it is counted, and has its answer say what is left. */
  function settle(
    exchange: Refusable & { headers?: Record<string, string> },
    counted: Budget | undefined | Promise<Budget | undefined>,
    caller: Caller | undefined,
  ): void | Promise<void> {
    if (!(counted instanceof Promise)) return tell(exchange, counted);
    return counted.then(
      (budget) => tell(exchange, budget),
      (error: unknown) => {
        refused(exchange, 'throttled', caller, error);
        throw error;
      },
    );
  }

  /** Whether somebody may do this, or knows of anything here: all others are refused from memory, whatever they ask. */
  function hasRights(caller: Caller, needs: Needs | undefined): boolean {
    const { visible, allows } = rightsOf(caller, directory());
    const allowed = needs?.permissions.some((permission) => allows(permission, needs.repository));
    if (caller.kind === 'anonymous') return allowed ?? false;
    return allowed || !visible.none || allows('catalog/read', undefined);
  }

  const tell = (exchange: { headers?: Record<string, string> }, budget: Budget | undefined) => {
    if (!budget) return;
    const headers = budgetHeaders(budget);
    exchange.headers = exchange.headers ? Object.assign(exchange.headers, headers) : headers;
  };

  return {
    source: ((exchange) => requireSource(exchange)) satisfies Gate,

    throttle: ((exchange, { needs }) => {
      const tier = tierOf(exchange.registryId);
      if (!tier.hasRates) return;
      const category = categoryOf(exchange);
      if (!category) return;
      const waits = category === 'dataplaneWrite' && {
        waits: { signal: exchange.request.signal, waiting: () => exchange.untimed() },
      };
      const caller = callerOf(exchange.caller);
      const { registryId } = exchange;
      // The next gate refuses it, from memory: strangers use up no rate of those who may do something.
      if (!hasRights(caller, needs)) return;
      const counted = throttle.count({ tier, registryId, category, identity: caller.id, caller, ...waits });
      return settle(exchange, counted, caller);
    }) satisfies Gate,

    /** Before a request for a token is looked at; the registry alone is counted (acr §1.3). */
    admitOauth2(exchange: Oauth2Exchange): void | Promise<void> {
      if (source.isAnyExhausted()) {
        // Of a form nobody knows yet what is in it.
        if (exchange.method === 'POST') turnAway(exchange);
        else requireSource(exchange);
      }
      const tier = tierOf(exchange.registryId);
      if (!tier.hasRates) return undefined;
      const { registryId } = exchange;
      const counted = throttle.count({ tier, registryId, category: 'oauth', identity: undefined });
      return settle(exchange, counted, undefined);
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
  if (isSearch(route)) return 'dataplaneRead';
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
