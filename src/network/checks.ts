import type { Check } from '../operations/index.ts';
import type { NetworkConfig } from './config.ts';

/** What the checks look at of a registry. */
export interface CheckedNetwork {
  name: string;
  resourceId: string;
  /** Whether everybody gets in by the public way. */
  isOpen: boolean;
  /** Its private endpoints that a listener leads to: `known` where the configuration has it. */
  connections: readonly { name: string; resourceId: string; listener: string; known: boolean }[];
}

export interface CheckedNetworks {
  registries: readonly CheckedNetwork[];
  /** Whether other machines may reach the server, by its listener or by a proxy. */
  isReachable: boolean;
  config: Pick<NetworkConfig, 'linkHeader'>;
  trustedProxies: readonly string[];
  /** What stands for the server as a whole. */
  serverId: string;
}

/** Addresses of private networks (RFC 1918, RFC 4193) and of this machine. */
const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', '127.0.0.0/8', '::1'];

/** What speaks against how networks are set up. */
export const networkChecks: readonly Check<CheckedNetworks>[] = [
  {
    id: 'public-network-open',
    severity: 'medium',
    title: 'Every network reaches the registry',
    why:
      'Whoever finds a token or a password can use it from anywhere, and a fault of the server can be tried by everybody. ' +
      'Let in the networks of your clients alone: the commands let in private addresses; name yours as well, or instead.',
    look: ({ registries, isReachable }) =>
      registries
        .filter(({ isOpen }) => isOpen && isReachable)
        .map(({ name, resourceId }) => ({
          resourceId,
          problem: `Clients reach the registry ${name} from every network`,
          commands: [
            ['bonded', 'acr', 'network-rule', 'add', '--name', name, '--ip-address', ...privateRanges],
            ['bonded', 'acr', 'update', '--name', name, '--default-action', 'Deny'],
          ],
        })),
  },
  {
    id: 'private-endpoint-without-listener',
    severity: 'low',
    title: 'A private endpoint that leads nowhere',
    why:
      'No listener of the configuration has this name or address, so nobody comes by it. Put the listener into ' +
      '`network.listeners`, or delete the connection and make it anew with one that is there.',
    look: ({ registries }) =>
      registries.flatMap(({ name: registry, connections }) =>
        connections
          .filter(({ known }) => !known)
          .map(({ name, resourceId, listener }) => ({
            resourceId,
            problem: `The private endpoint connection ${name} of the registry ${registry} is of the listener ${listener}, which there is not`,
            commands: [['bonded', 'acr', 'private-endpoint', 'delete', '-r', registry, '--name', name, '--yes']],
          })),
      ),
  },
  {
    id: 'link-header-without-proxy',
    severity: 'low',
    title: 'A header for private links that is believed of nobody',
    why:
      'The header `network.linkHeader` counts only from `trustedProxies`, and there are none: nobody comes by a private ' +
      'link. Name the proxies that set it, or take it out.',
    look: ({ config: { linkHeader }, trustedProxies, serverId }) =>
      linkHeader === undefined || trustedProxies.length > 0
        ? []
        : [
            {
              resourceId: serverId,
              problem: `The header ${linkHeader} is believed of nobody`,
              commands: [],
              settings: { 'network.linkHeader': null },
            },
          ],
  },
];
