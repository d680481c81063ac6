import type { DnsZone } from '../../../network/index.ts';

/**
 * Zones as a DNS server reads them (RFC 1035 §5). The aliases belong where the private network resolves the public domain,
 * which has other records elsewhere.
 */
export function zoneFile(zones: readonly DnsZone[]): string {
  return zones.map(({ zone, records }) => [`$ORIGIN ${zone}.`, ...records.map(lineOf)].join('\n')).join('\n\n');
}

function lineOf({ name, ttl, type, value }: DnsZone['records'][number]): string {
  return `${name} ${ttl} IN ${type} ${value}`;
}
