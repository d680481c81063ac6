import { isIP } from 'node:net';
import { RegistryError } from '../errors/index.ts';

/** Which registry a Host header names. */
export interface HostTable {
  /** The id of the registry that answers where no other one is named. */
  readonly defaultRegistry: number;
  /** The registry's id; throws DENIED for a name that nobody configured (DNS rebinding would use one). */
  registryOf(host: string): number;
  /** Looks whether there are registries that are new, created in another process perhaps; undefined where there never are. */
  refresh?(): Promise<void>;
  /** Whether a host is the data endpoint of its registry. */
  isDataEndpoint(host: string): boolean;
  /** Whether a host, with a port or without, leads to a registry. */
  means(authority: string, registryId: number): boolean;
}

export interface HostedRegistry {
  id: number;
  name: string;
  /** Further names of its own, beside `<name>.<domain>`. */
  hosts: readonly string[];
  /** The name of its data endpoint. */
  dataHost?: string | undefined;
  /** Whether names that another one claims are that one's, where that would otherwise be an error. */
  yields?: boolean;
}

/**
 * A registry answers to `<name>.<domain>`, `<name>.localhost` and its own host names; `localhost`, every IP literal and
 * the names in `defaultHosts` mean the default registry. A data endpoint has the name that nobody else has. Throws when two registries claim one name.
 */
export function createHostTable(options: {
  registries: readonly HostedRegistry[];
  defaultRegistry: number;
  domain: string;
  defaultHosts: readonly string[];
}): HostTable {
  const table = new Map<string, number>();
  const add = (host: string, id: number, yields = false) => {
    if ((table.get(host) ?? id) === id) table.set(host, id);
    else if (!yields) throw new Error(`two registries have the host name ${host}`);
  };
  for (const host of ['localhost', options.domain, ...options.defaultHosts]) add(host, options.defaultRegistry);
  for (const { id, name, hosts, yields } of options.registries) {
    for (const host of [`${name}.${options.domain}`, `${name}.localhost`, ...hosts]) add(host, id, yields);
  }
  const dataHosts = new Set<string>();
  for (const { dataHost, id } of options.registries) {
    if (dataHost === undefined || table.has(dataHost)) continue;
    table.set(dataHost, id);
    dataHosts.add(dataHost);
  }
  const find = (host: string) => table.get(host) ?? (isIP(host) === 0 ? undefined : options.defaultRegistry);
  return {
    defaultRegistry: options.defaultRegistry,
    isDataEndpoint: (host) => dataHosts.has(host),
    means(authority, registryId) {
      const host = withoutPort(authority.toLowerCase());
      return find(host) === registryId && !dataHosts.has(host);
    },
    registryOf(host) {
      const id = find(host);
      if (id !== undefined) return id;
      throw new RegistryError('DENIED', {
        message: 'this host name is not configured here; use one of the configured names, localhost or an IP address',
        detail: { host: host.slice(0, 253) },
      });
    },
  };
}

function withoutPort(authority: string): string {
  return authority.replace(/:[0-9]{1,5}$/, '').replace(/^\[(.*)\]$/, '$1');
}

/** Whether an address to listen on can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
