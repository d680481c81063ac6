import { resolve } from 'node:path';
import { checksOn, recommend, recommendationHandlers, recommendationType } from '../advisor/index.ts';
import { type Configuration, tlsOf } from '../configuration.ts';
import { isLoopback, listenerChecks, type ListenerFacts } from '../http/index.ts';
import { accessChecks, bootstrapChecks, takeSnapshot } from '../identity/index.ts';
import { keyChecks } from '../keys/index.ts';
import type { ServedType } from '../management/index.ts';
import { checkedNetworksOf, type CheckedNetworks, networkChecks } from '../network/index.ts';
import { groupScope } from '../operations/index.ts';
import { registryChecks } from '../registries/index.ts';
import type { Access } from './access.ts';

/** The checks of all capabilities. */
export const checks = { registryChecks, accessChecks, bootstrapChecks, keyChecks, listenerChecks, networkChecks };

/** The advisor with every capability's checks, and the facts that each looks at. */
export function advisorType(config: Configuration, access: Access): ServedType {
  const { mirror, directory, rightUses, identification } = access;
  const { passwords, now } = identification;
  const serverId = groupScope;
  const looks = [
    checksOn(keyChecks, () => ({ sealed: access.keys.sealed, serverId })),
    checksOn(listenerChecks, () => listenerFacts(config, serverId)),
    checksOn(bootstrapChecks, () => ({ bootstrap: config.bootstrap, serverId })),
    checksOn(networkChecks, () => networkFacts(config, access, serverId)),
    checksOn(registryChecks, () => directory().registries),
    checksOn(accessChecks, () => takeSnapshot({ mirror, directory: directory(), passwords, rightUses, now: now() })),
  ];
  return { type: recommendationType, handlers: recommendationHandlers(() => recommend(looks, now())) };
}

function listenerFacts(config: Configuration, serverId: string): ListenerFacts {
  const { listen, network, publicUrl, data } = config;
  return {
    listen,
    listeners: network.listeners,
    hasTls: tlsOf(config) !== undefined,
    publicUrl,
    data: resolve(data),
    serverId,
  };
}

function networkFacts(config: Configuration, { mirror, directory }: Access, serverId: string): CheckedNetworks {
  const { listen, network, publicUrl, trustedProxies } = config;
  const isReachable = publicUrl !== undefined || trustedProxies.length > 0 || !isLoopback(listen.host);
  const registries = checkedNetworksOf(mirror, directory().registries, network);
  return { registries, isReachable, config: network, trustedProxies, serverId };
}
