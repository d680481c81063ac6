import { resolve } from 'node:path';
import { checksOn, recommend, recommendationHandlers, recommendationType } from '../advisor/index.ts';
import { type Catalog, storageChecks } from '../catalog/index.ts';
import { type Configuration, tlsOf } from '../configuration.ts';
import { listenerChecks, type ListenerFacts } from '../http/index.ts';
import { accessChecks, bootstrapChecks, takeSnapshot } from '../identity/index.ts';
import { keyChecks } from '../keys/index.ts';
import type { ServedType } from '../management/index.ts';
import { groupScope } from '../operations/index.ts';
import { registryChecks } from '../registries/index.ts';
import type { Access } from './access.ts';
import { limitedStorage } from './limited-storage.ts';

/** The checks of all capabilities. */
export const checks = { storageChecks, registryChecks, accessChecks, bootstrapChecks, keyChecks, listenerChecks };

/** The advisor with every capability's checks, and the facts that each looks at. */
export function advisorType(config: Configuration, access: Access, catalog: Catalog): ServedType {
  const { mirror, directory, rightUses, identification } = access;
  const { passwords, now } = identification;
  const serverId = groupScope;
  const looks = [
    checksOn(keyChecks, () => ({ sealed: access.keys.sealed, serverId })),
    checksOn(listenerChecks, () => listenerFacts(config, serverId)),
    checksOn(bootstrapChecks, () => ({ bootstrap: config.bootstrap, serverId })),
    checksOn(registryChecks, () => directory().registries),
    checksOn(storageChecks, () => limitedStorage(catalog, directory().registries)),
    checksOn(accessChecks, () => takeSnapshot({ mirror, directory: directory(), passwords, rightUses, now: now() })),
  ];
  return { type: recommendationType, handlers: recommendationHandlers(() => recommend(looks, now())) };
}

function listenerFacts(config: Configuration, serverId: string): ListenerFacts {
  const { listen, publicUrl, data } = config;
  return { listen, hasTls: tlsOf(config) !== undefined, publicUrl, data: resolve(data), serverId };
}
