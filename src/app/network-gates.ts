import type { Audit } from '../audit/index.ts';
import type { Configuration } from '../configuration.ts';
import { RegistryError } from '../errors/index.ts';
import { type Exchange, listenerWay } from '../exchange/index.ts';
import type { Caller, Directory, Gate, GatedExchange } from '../identity/index.ts';
import { isManagementPath } from '../management/index.ts';
import {
  type NetworkDirectory,
  type NetworkFacts,
  type NetworkRefusal,
  reachOf,
  readNetworks,
  refuseOrigin,
  registryKeyOf,
} from '../network/index.ts';
import { armKey } from '../operations/index.ts';
import type { Mirror } from '../resources/index.ts';
import { about } from './audit-trail.ts';
import { callerOf } from './gates.ts';

/** Where a request comes from, as the edge knows it. */
export type Coming = Pick<
  Exchange,
  'registryId' | 'requestId' | 'way' | 'isLocal' | 'address' | 'method' | 'path' | 'atDataEndpoint'
>;

/**
 * Whether a registry lets somebody in, by where they come from (design §3). Each request passes `origin` before anything else,
 * whatever its path. Where only a trusted identity, or the operator, would get in, that is asked once it is known who it is:
 * by `allow`, and by `admit` where tokens are given out. What nobody has been asked for ends at `refuseUnasked`.
 */
export interface NetworkGates {
  origin(exchange: Coming): void;
  allow: Gate;
  admit(exchange: Coming, caller: Caller): void;
  /** The same for the registry in which a managed resource lies, whichever host it is asked of; to manage it, or to pull. */
  allowTarget(exchange: Coming, caller: Caller, id: string, scope?: 'pull'): void;
  /** Whether a list shows somebody what lies in a registry: not where they could not ask for it by its id. */
  shows(exchange: Coming, caller: Caller, id: string): boolean;
  refuseUnasked(exchange: Coming): void;
  /** Whether it got in because of who it is, whatever the rules say. */
  isTrusted(exchange: object): boolean;
  of(registryId: number): NetworkFacts | undefined;
}

interface Options {
  config: Configuration;
  access: { directory(): Directory; mirror: Mirror };
  audit: Audit;
}

/** Paths at which it is asked who somebody is. */
const asksWho = /^\/(?:v2|acr\/v1|oauth2\/(?:token|exchange))(?:\/|$)/;
const isTokenPath = (path: string) => path.startsWith('/oauth2/');

export function createNetworkGates({ config, access, audit }: Options): NetworkGates {
  const { directory, mirror } = access;
  const owners = new Set(
    config.network.listeners.filter(({ management }) => management).map(({ name }) => listenerWay(name).id),
  );
  /** Refused unless it turns out to be somebody who gets in all the same. */
  const undecided = new WeakMap<object, NetworkRefusal>();
  const trusted = new WeakSet<object>();

  let read: Directory | undefined;
  let networks: NetworkDirectory | undefined;
  const current = (): NetworkDirectory => {
    const now = directory();
    // Another object as soon as anything has changed.
    if (now !== read || !networks) {
      networks = readNetworks(mirror, now.registries, config.network);
      read = now;
    }
    return networks;
  };

  /** Owners have a way in that no registry closes: a listener that is theirs, or the operator's key on the machine itself. */
  const isOwners = (exchange: Coming) => owners.has(exchange.way().id) && isFor(exchange);
  const isOperator = (exchange: Coming, { kind }: Caller) =>
    kind === 'operator' && exchange.isLocal() && isFor(exchange);
  const isFor = ({ path }: Coming) => isManagementPath(path) || isTokenPath(path);

  function refuse(
    exchange: Coming & Pick<GatedExchange, 'action'>,
    { message }: NetworkRefusal,
    caller?: Caller,
  ): never {
    const way = exchange.way().id;
    const detail = { way, path: exchange.path.slice(0, 512) };
    const action = exchange.action ?? (isTokenPath(exchange.path) ? 'token' : 'access');
    audit.record({ ...about(exchange, caller), action, outcome: 'denied', reason: 'network', detail });
    throw new RegistryError('DENIED', { message, detail: { reason: 'network' } });
  }

  const verdict = (facts: NetworkFacts | undefined, exchange: Coming, pulls = false): NetworkRefusal | undefined => {
    if (!facts) return unknownRegistry(exchange);
    // As most are: nothing else is looked at.
    if (facts.isOpen && exchange.way().kind === 'public') return undefined;
    const { method, path, atDataEndpoint } = exchange;
    const reach = reachOf(method, path, { management: isManagementPath(path), pulls: pulls || atDataEndpoint });
    return refuseOrigin(facts, { way: exchange.way(), address: exchange.address }, reach);
  };

  /** Why somebody who got in by one registry does not get into the one in which a resource lies. */
  function refusalAt(exchange: Coming, caller: Caller, id: string, pulls: boolean): NetworkRefusal | undefined {
    const key = registryKeyOf(id);
    const facts = key === undefined ? undefined : current().at(key);
    if (!facts || (!pulls && armKey(current().of(exchange.registryId)?.resourceId ?? '') === key)) return undefined;
    const refusal = verdict(facts, exchange, pulls);
    if (!refusal || isOwners(exchange) || isOperator(exchange, caller)) return undefined;
    return refusal.trustedMay && isTrustedBy(facts, caller) ? undefined : refusal;
  }

  function settle(exchange: Coming, refusal: NetworkRefusal, caller: Caller): void {
    const facts = current().of(exchange.registryId);
    if (isOperator(exchange, caller)) return;
    if (!refusal.trustedMay || !facts || !isTrustedBy(facts, caller)) refuse(exchange, refusal, caller);
    trusted.add(exchange);
  }

  function admit(exchange: Coming, caller: Caller): void {
    const refusal = undecided.get(exchange);
    if (!refusal) return;
    undecided.delete(exchange);
    settle(exchange, refusal, caller);
  }

  return {
    origin(exchange) {
      const refusal = verdict(current().of(exchange.registryId), exchange);
      if (!refusal || isOwners(exchange)) return;
      const { atDataEndpoint, path } = exchange;
      // A signed address says at the data endpoint whom it was given to.
      const mayBeAsked = atDataEndpoint || asksWho.test(path) || isManagementPath(path);
      const mayBeLetIn = refusal.trustedMay || (exchange.isLocal() && isFor(exchange));
      if (!mayBeAsked || !mayBeLetIn) refuse(exchange, refusal);
      undecided.set(exchange, refusal);
    },
    allow: (exchange) => admit(exchange, callerOf(exchange.caller)),
    admit,
    allowTarget(exchange, caller, id, scope) {
      const refusal = refusalAt(exchange, caller, id, scope === 'pull');
      if (refusal) refuse(exchange, refusal, caller);
    },
    shows: (exchange, caller, id) => refusalAt(exchange, caller, id, false) === undefined,
    refuseUnasked(exchange) {
      const refusal = undecided.get(exchange);
      if (refusal) refuse(exchange, refusal);
    },
    isTrusted: (exchange) => trusted.has(exchange),
    of: (registryId) => current().of(registryId),
  };
}

/** Whether a gate of the network has thrown it, and so recorded it. */
export function isRefusedByNetwork({ code, detail }: RegistryError): boolean {
  return code === 'DENIED' && (detail as { reason?: string } | undefined)?.reason === 'network';
}

const isTrustedBy = ({ trusted }: NetworkFacts, { kind, id }: Caller) =>
  kind === 'identity' && trusted.has(id.toLowerCase());

/** Gates behind let nobody do anything with it; by a way of its own nobody gets as far. */
function unknownRegistry({ way, address }: Coming): NetworkRefusal | undefined {
  if (way().kind === 'public') return undefined;
  const message = `client with IP '${address()}' is not allowed access by this way: no registry has approved it`;
  return { message, trustedMay: false };
}
