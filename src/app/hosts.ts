import { type Configuration, hostsOf } from '../configuration.ts';
import type { HostTable } from '../http/index.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** Hosts that nobody has configured make us ask for new registries no more often than this (ms). */
const pauseMs = 100;

/** Another object once there are others. */
interface Registries {
  readonly registries: readonly { id: number; name: string }[];
}

/** The hosts of all registries that there are now: the configured ones (`ids`), and those that somebody created. */
export function createLiveHosts(
  config: Configuration,
  ids: readonly number[],
  { directory, refresh }: { directory(): Registries; refresh(): Promise<void> },
): HostTable {
  let of: Registries | undefined;
  let table = hostsOf(config, ids);
  const current = () => {
    const now = directory();
    if (now !== of) {
      table = hostsOf(config, ids, now.registries);
      of = now;
    }
    return table;
  };
  let last = Number.NEGATIVE_INFINITY;
  const refreshSoon = oneAtATime(async () => {
    const wait = last + pauseMs - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    last = performance.now();
    await refresh();
  });
  return {
    refresh: refreshSoon,
    defaultRegistry: table.defaultRegistry,
    registryOf: (host) => current().registryOf(host),
    isDataEndpoint: (host) => current().isDataEndpoint(host),
    means: (authority, registryId) => current().means(authority, registryId),
  };
}
