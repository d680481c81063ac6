import { BlockList, isIP } from 'node:net';

/** Reads the client's address. Only trusted proxies are believed, the nearest first. */
export function createAddressReader(trustedProxies: readonly string[]): (socket: string, forwarded: string | null) => string {
  const trusted = new BlockList();
  for (const range of trustedProxies) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    trusted.addSubnet(address, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family);
  }
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

  return (socket, forwarded) => {
    let address = canonicalAddress(socket);
    if (forwarded === null || trustedProxies.length === 0) return address;
    const hops = forwarded.slice(-1024).split(',').reverse();
    for (const hop of hops) {
      if (!isTrusted(address)) break;
      const next = canonicalAddress(hop.trim());
      if (isIP(next) === 0) break;
      address = next;
    }
    return address;
  };
}

/** IPv4 as IPv4, also where a dual-stack socket reports `::ffff:1.2.3.4`; rules are written for the one form. */
export function canonicalAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice(7) : address.toLowerCase();
}
