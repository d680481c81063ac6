import type { Way } from '../exchange/index.ts';
import { type NetworkScope, networkScopes } from '../registries/index.ts';
import type { NetworkFacts } from './facts.ts';
import { bitsOf, type ScopeBits } from './ip-rules.ts';

/** What is asked, as far as networks go: any one of these scopes is enough. */
export interface Reach {
  scopes: ScopeBits;
  /** For the message. */
  verb: string;
}

const all = bitsOf();
const only = (scope: NetworkScope, verb: string): Reach => ({ scopes: bitsOf([scope]), verb });
const reaches = {
  any: { scopes: all, verb: 'access' },
  pull: only('pull', 'pull'),
  push: only('push', 'push'),
  manage: only('manage', 'manage'),
  // A push asks for blobs and manifests first, to leave out what is there.
  head: { scopes: bitsOf(['pull', 'push']), verb: 'pull or push' },
} as const satisfies Record<string, Reach>;

/**
 * What a request reaches for, by method and path alone, so that it is known before anything is read: everybody who may do
 * anything may come to the base and to the token endpoints.
 */
export function reachOf(method: string, path: string, at: { management: boolean; pulls: boolean }): Reach {
  if (at.pulls) return reaches.pull;
  if (at.management) return reaches.manage;
  if (path === '/v2' || path === '/v2/') return reaches.any;
  if (!path.startsWith('/v2/') && !path.startsWith('/acr/v1/')) return reaches.any;
  if (method === 'HEAD') return reaches.head;
  if (method !== 'GET') return reaches.push;
  return /\/blobs\/uploads\/[^/]+$/.test(path) ? reaches.push : reaches.pull;
}

/** Where a request comes from. */
export interface Origin {
  way: Way;
  /** Asked for only where it matters. */
  address(): string;
}

/** Why somebody does not get in. */
export interface NetworkRefusal {
  message: string;
  /** Whether a trusted identity would, whoever it turns out to be. */
  trustedMay: boolean;
}

/** Whether a registry lets a request in, by where it comes from; undefined where it does. */
export function refuseOrigin(facts: NetworkFacts, { way, address }: Origin, reach: Reach): NetworkRefusal | undefined {
  if (way.kind !== 'public') return refuseWay(facts, way, address);
  if (facts.isOpen) return undefined;
  const client = `client with IP '${address()}' is not allowed access`;
  const trustedMay = facts.trusted.size > 0;
  const { name } = facts;
  if (facts.publicNetworkAccess === 'Disabled') {
    const message = `${client}: public network access of the registry ${name} is disabled; reach it by one of its private endpoints`;
    return { message, trustedMay };
  }
  const allowed = facts.rules(address());
  if ((allowed & reach.scopes) !== 0) return undefined;
  const message =
    allowed === 0
      ? `${client}; have an owner add it: bonded acr network-rule add --name ${name} --ip-address ${address()}`
      : `${client} to ${reach.verb}: the network rules of the registry ${name} let it ${wordsOf(allowed)} alone`;
  return { message, trustedMay };
}

function refuseWay({ name, connections }: NetworkFacts, way: Way, address: () => string): NetworkRefusal | undefined {
  const connection = connections.get(way.id);
  if (connection?.status === 'Approved') return undefined;
  const client = `client with IP '${address()}' is not allowed access`;
  const where = way.kind === 'link' ? 'by this private link' : 'by this listener';
  const message = connection
    ? `${client} ${where}: the private endpoint connection ${connection.name} of the registry ${name} is ` +
      `${connection.status}; have an owner approve it: bonded acr private-endpoint approve --registry ${name} --name ${connection.name}`
    : `${client} ${where}: no private endpoint connection of the registry ${name} leads to it`;
  return { message, trustedMay: false };
}

const wordsOf = (bits: ScopeBits) => networkScopes.filter((scope) => bits & bitsOf([scope])).join(' and ');
