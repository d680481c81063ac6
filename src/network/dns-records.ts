import { isIP } from 'node:net';
import { ManagementError } from '../operations/index.ts';
import type { DnsZone } from './contract.ts';

/** Seconds. */
const ttl = 300;

export interface EndpointNames {
  /** Hosts under which clients reach the registry by the endpoint: login host first, then that of its data. */
  hosts: readonly string[];
  domain: string;
}

/** The private zone beside a domain (acr §4.3). */
export function privateZoneOf(domain: string): string {
  return `privatelink.${domain}`;
}

/**
 * The records by which clients of a private network reach a registry by its private endpoint: its public names are aliases
 * of names in a zone that only that network has, which has the addresses. As in ACR, so that what is there for that works.
 */
export function dnsRecordsOf({ hosts, domain }: EndpointNames, addresses: readonly string[]): DnsZone[] {
  const zones = new Map<string, DnsZone>();
  const add = (zone: string, record: DnsZone['records'][number]) => {
    const known = zones.get(zone) ?? { zone, records: [] };
    zones.set(zone, known);
    known.records.push(record);
  };
  for (const host of hosts) {
    const { name, zone } = splitHost(host, domain);
    add(zone, { name, type: 'CNAME', ttl, value: `${name}.${privateZoneOf(zone)}.` });
    for (const address of addresses) {
      add(privateZoneOf(zone), { name, type: isIP(address) === 6 ? 'AAAA' : 'A', ttl, value: address });
    }
  }
  return [...zones.values()];
}

/** A name in the domain of all registries; one of its own has a zone of its own, too. */
function splitHost(host: string, domain: string): { name: string; zone: string } {
  if (host.endsWith(`.${domain}`)) return { name: host.slice(0, -domain.length - 1), zone: domain };
  const dot = host.indexOf('.');
  if (isIP(host) === 0 && dot > 0) return { name: host.slice(0, dot), zone: host.slice(dot + 1) };
  throw new ManagementError(
    'Conflict',
    `the registry is reached as ${host}, which no DNS zone can have; set domain or publicUrl first`,
  );
}
