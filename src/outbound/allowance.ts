import { isIP } from 'node:net';
import { type AddressClass, blockListOf, classOf } from './address-class.ts';

/** What may be called beside the public internet. */
export interface Allowance {
  /** Whether plain http is accepted: the operator named the host, or the range that it is in. */
  plain(host: string): boolean;
  /** Why this address of this host may not be connected to; undefined: it may. */
  refusal(host: string, address: string): AddressClass | undefined;
}

/** No range reaches these: nobody has a server there, or it is another address than it seems. */
const never: ReadonlySet<AddressClass> = new Set(['transition', 'multicast', 'broadcast', 'unspecified', 'malformed']);

/**
 * What a host that was named may have. The addresses by which clouds give out credentials are not among them: whoever
 * names a host does not think of those.
 */
const ofNamedHosts: ReadonlySet<AddressClass> = new Set(['loopback', 'private', 'shared', 'unique_local']);

/** From the entries of `outbound.allow`: host names, IP addresses, CIDR ranges. */
export function createAllowance(entries: readonly string[]): Allowance {
  const isRange = (entry: string) => isIP(entry.split('/')[0]!) !== 0;
  const isV6 = (entry: string) => entry.includes(':');
  const ranges = entries.filter(isRange);
  // Apart, because a BlockList takes IPv4 for a part of IPv6.
  const v4 = blockListOf(ranges.filter((range) => !isV6(range)));
  const v6 = blockListOf(ranges.filter(isV6));
  const names = new Set(entries.filter((entry) => !isRange(entry)).map((name) => name.toLowerCase()));
  const inRange = (address: string) => (isV6(address) ? v6.check(address, 'ipv6') : v4.check(address, 'ipv4'));

  return {
    plain: (host) => names.has(host) || (isIP(host) !== 0 && !never.has(classOf(host)) && inRange(host)),
    refusal(host, address) {
      const kind = classOf(address);
      if (kind === 'public') return undefined;
      if (names.has(host) && ofNamedHosts.has(kind)) return undefined;
      return !never.has(kind) && inRange(address) ? undefined : kind;
    },
  };
}
