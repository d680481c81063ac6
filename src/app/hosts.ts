import { type Configuration, hostsOf } from '../configuration.ts';
import type { HostTable } from '../http/index.ts';
import type { Directory } from '../identity/index.ts';

/** The hosts of all registries that there are now: the configured ones (`ids`), and those that somebody created. */
export function createLiveHosts(config: Configuration, ids: readonly number[], directory: () => Directory): HostTable {
  let of: Directory | undefined;
  let table = hostsOf(config, ids);
  const current = () => {
    const now = directory();
    if (now !== of) {
      table = hostsOf(config, ids, now.registries);
      of = now;
    }
    return table;
  };
  return {
    defaultRegistry: table.defaultRegistry,
    registryOf: (host) => current().registryOf(host),
    means: (authority, registryId) => current().means(authority, registryId),
  };
}
