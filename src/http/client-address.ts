import { BlockList, isIP } from 'node:net';

export interface ClientAddresses {
  /** The client's address, by the address of the socket and `X-Forwarded-For`. */
  of(socket: string, forwarded: string | null): string;
  /** Whether any proxy is believed; where none is, nobody need ask for the other end. */
  readonly trustsAny: boolean;
  /** Whether the other end of a socket is a proxy whose headers are believed. */
  isProxy(socket: string): boolean;
}

/** Reads the client's address. Only trusted proxies are believed, the nearest first. */
export function createClientAddresses(trustedProxies: readonly string[]): ClientAddresses {
  const trusted = new BlockList();
  for (const range of trustedProxies) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    trusted.addSubnet(address, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family);
  }
  const isTrusted = (address: string) => {
    const version = isIP(address);
    return version !== 0 && trusted.check(address, version === 6 ? 'ipv6' : 'ipv4');
  };

  const of = (socket: string, forwarded: string | null) => {
    let address = canonicalAddress(socket);
    if (forwarded === null || trustedProxies.length === 0) return address;
    // The nearest proxy wrote the last entry. Whatever lies before the first untrusted one may be invented.
    const hops = forwarded.slice(-1024).split(',').toReversed();
    for (const hop of hops) {
      if (!isTrusted(address)) break;
      const next = canonicalAddress(withoutPort(hop.trim()));
      if (isIP(next) === 0) break;
      address = next;
    }
    return address;
  };
  return { of, trustsAny: trustedProxies.length > 0, isProxy: (socket) => isTrusted(canonicalAddress(socket)) };
}

/** IPv4 as IPv4, also where a dual-stack socket reports `::ffff:1.2.3.4`; rules are written for the one form. */
export function canonicalAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address.toLowerCase();
}

/** Some proxies write `1.2.3.4:567` or `[::1]:567`. */
function withoutPort(hop: string): string {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?$/.exec(hop);
  return match ? (match[1] ?? match[2]!) : hop;
}
