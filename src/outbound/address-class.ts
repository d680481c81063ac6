import { BlockList, isIP } from 'node:net';

/** What an address is for, as far as it matters to whoever is about to connect to it. */
export type AddressClass =
  | 'public'
  | 'loopback'
  | 'private'
  /** Of carriers (RFC 6598): 100.64.0.0/10. */
  | 'shared'
  | 'unique_local'
  | 'link_local'
  /** A cloud's own endpoint at an address that looks public. */
  | 'metadata'
  | 'documentation'
  | 'reserved'
  /** Another address in disguise: IPv4-mapped, IPv4-compatible, 6to4, Teredo, local NAT64. */
  | 'transition'
  | 'multicast'
  | 'broadcast'
  | 'unspecified'
  /** Not an address, or one with a zone. */
  | 'malformed';

/**
 * IANA's special-purpose registries (RFC 6890 and what followed it). The first range that holds an address decides.
 * Of IPv6 only 2000::/3 is the internet, so that everything else needs no rule to be refused.
 */
const ranges: readonly (readonly [AddressClass, ...string[]])[] = [
  ['unspecified', '0.0.0.0/8', '::/128'],
  ['loopback', '127.0.0.0/8', '::1/128'],
  ['private', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  ['shared', '100.64.0.0/10'],
  ['link_local', '169.254.0.0/16', 'fe80::/10'],
  // Azure's; those of others are link-local, shared or unique local.
  ['metadata', '168.63.129.16/32'],
  ['documentation', '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'],
  ['broadcast', '255.255.255.255/32'],
  ['multicast', '224.0.0.0/4', 'ff00::/8'],
  // IETF protocols, relays of 6to4, benchmarks, the future; site-local is what unique local replaced.
  ['reserved', '192.0.0.0/24', '192.88.99.0/24', '198.18.0.0/15', '240.0.0.0/4', 'fec0::/10'],
  ['unique_local', 'fc00::/7'],
  ['transition', '::/96', '::ffff:0:0:0/96', '2002::/16', '2001::/32', '64:ff9b:1::/48'],
  ['reserved', '2001::/23'],
];

const lists = ranges.map(([kind, ...subnets]) => [kind, blockListOf(subnets)] as const);
const global = blockListOf(['2000::/3']);
const translated = blockListOf(['64:ff9b::/96']);
const mapped = blockListOf(['::ffff:0:0/96']);

/** An address in the form that `dns.lookup` and URLs have it, without brackets. */
export function classOf(address: string): AddressClass {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return 'malformed';
  if (version === 6 && translated.check(address, 'ipv6')) return classOf(translatedAddress(address));
  // For a BlockList it is the IPv4 address that is in it, and the range above would hold all of those.
  if (version === 6 && mapped.check(address, 'ipv6')) return 'transition';
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const special = lists.find(([, list]) => list.check(address, family));
  if (special) return special[0];
  return version === 4 || global.check(address, 'ipv6') ? 'public' : 'reserved';
}

/** The IPv4 address that NAT64 (RFC 6052) will connect to; networks without IPv4 have all the internet behind it. */
function translatedAddress(address: string): string {
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [low = 0, high = 0] = canonical
    .slice('64:ff9b::'.length)
    .split(':')
    .map((group) => (group === '' ? 0 : Number.parseInt(group, 16)))
    .toReversed();
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** Ranges and single addresses. */
export function blockListOf(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix] = subnet.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(address, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family);
  }
  return list;
}
