/** An address as a number, of 32 or of 128 bits. */
export interface IpAddress {
  version: 4 | 6;
  value: bigint;
}

/** A range of addresses, both ends included. */
export interface IpRange {
  version: 4 | 6;
  first: bigint;
  last: bigint;
}

/** ::ffff:0:0/96, in which IPv6 writes IPv4 (RFC 4291 §2.5.5.2). */
const mapped = 0xffffn;

/**
 * Reads an address as sockets and proxies write it: with a zone, in any case, and IPv4 as IPv6, which becomes IPv4 again, so
 * that no rule can be passed by writing an address in another way. Undefined where it is none.
 */
export function readAddress(text: string): IpAddress | undefined {
  const zone = text.indexOf('%');
  const plain = zone < 0 ? text : text.slice(0, zone);
  if (!plain.includes(':')) {
    const value = readIpv4(plain);
    return value === undefined ? undefined : { version: 4, value };
  }
  const value = readIpv6(plain);
  if (value === undefined) return undefined;
  return value >> 32n === mapped ? { version: 4, value: value & 0xffff_ffffn } : { version: 6, value };
}

/**
 * Reads the range of a rule: an address, or one with the length of its prefix. Of the ways to write one only those pass that
 * everybody reads alike; of others it says what is wrong, as the end of a sentence.
 */
export function parseIpRange(text: string): IpRange | string {
  if (text.length > 64) return 'must be an IP address or a range such as 203.0.113.0/24 or 2001:db8::/32';
  const slash = text.indexOf('/');
  const written = slash < 0 ? text : text.slice(0, slash);
  const prefix = slash < 0 ? undefined : text.slice(slash + 1);
  if (written.includes('%')) return 'must not have a zone; leave out what begins with %';
  const isIpv6 = written.includes(':');
  if (isIpv6 && written.includes('.')) return 'must not have IPv4 in IPv6; write it as IPv4, or in hexadecimal digits';
  const value = isIpv6 ? readIpv6(written) : readIpv4(written);
  if (value === undefined) {
    return isIpv6
      ? 'is no IPv6 address; write up to eight groups of one to four hexadecimal digits, and :: once at most'
      : 'is no IPv4 address; write four numbers from 0 to 255, without leading zeros';
  }
  const bits = isIpv6 ? 128 : 32;
  if (prefix !== undefined && !(/^(?:0|[1-9][0-9]{0,2})$/.test(prefix) && Number(prefix) <= bits)) {
    return `must have a prefix from /0 to /${bits}, without leading zeros`;
  }
  const hostBits = BigInt(bits - Number(prefix ?? bits));
  const host = value & ((1n << hostBits) - 1n);
  if (host !== 0n) {
    const network = formatAddress({ version: isIpv6 ? 6 : 4, value: value - host });
    return `has bits set behind its prefix; write ${network}/${prefix}, or the address alone`;
  }
  if (isIpv6 && value >> 32n === mapped && hostBits <= 32n) {
    return `must not be IPv4 in IPv6; write ${formatAddress({ version: 4, value: value & 0xffff_ffffn })} with a prefix of IPv4`;
  }
  return { version: isIpv6 ? 6 : 4, first: value, last: value + (1n << hostBits) - 1n };
}

function readIpv4(text: string): bigint | undefined {
  const parts = text.split('.', 5);
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(?:0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

/** RFC 4291 §2.2, with IPv4 in the last two groups, too. */
function readIpv6(text: string): bigint | undefined {
  const halves = text.split('::', 3);
  if (text.length > 45 || halves.length > 2) return undefined;
  const [before, after] = halves.map((half, at) => groupsOf(half, at === halves.length - 1));
  if (!before || (halves.length === 2 && !after)) return undefined;
  const zeros = 8 - before.length - (after?.length ?? 0);
  // `::` stands for one group at least (RFC 5952 §4.2.2), and without it there are eight.
  if (after ? zeros < 1 : zeros !== 0) return undefined;
  const groups = [...before, ...Array<bigint>(zeros).fill(0n), ...(after ?? [])];
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}

/** Undefined where one of them is none. */
function groupsOf(text: string, isLast: boolean): bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':', 9);
  const groups: bigint[] = [];
  for (const [at, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else {
      const ipv4 = isLast && at === parts.length - 1 && part.includes('.') ? readIpv4(part) : undefined;
      if (ipv4 === undefined) return undefined;
      groups.push(ipv4 >> 16n, ipv4 & 0xffffn);
    }
  }
  return groups;
}

/** As it is usually written (RFC 5952). */
export function formatAddress({ version, value }: IpAddress): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - 16 * at)) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}
