import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type AddressClass, classOf } from './address-class.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 2_000);

/** First and last of each range as numbers, written apart from the ranges that are tested. */
const v4: [first: number, last: number, kind: AddressClass][] = [
  [0x00000000, 0x00ffffff, 'unspecified'],
  [0x0a000000, 0x0affffff, 'private'],
  [0x64400000, 0x647fffff, 'shared'],
  [0x7f000000, 0x7fffffff, 'loopback'],
  [0xa83f8110, 0xa83f8110, 'metadata'],
  [0xa9fe0000, 0xa9feffff, 'link_local'],
  [0xac100000, 0xac1fffff, 'private'],
  [0xc0000000, 0xc00000ff, 'reserved'],
  [0xc0000200, 0xc00002ff, 'documentation'],
  [0xc0586300, 0xc05863ff, 'reserved'],
  [0xc0a80000, 0xc0a8ffff, 'private'],
  [0xc6120000, 0xc613ffff, 'reserved'],
  [0xc6336400, 0xc63364ff, 'documentation'],
  [0xcb007100, 0xcb0071ff, 'documentation'],
  [0xe0000000, 0xefffffff, 'multicast'],
  [0xf0000000, 0xfffffffe, 'reserved'],
  [0xffffffff, 0xffffffff, 'broadcast'],
];

const expectedOf4 = (value: number): AddressClass =>
  v4.find(([first, last]) => value >= first && value <= last)?.[2] ?? 'public';

const textOf4 = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

/** The first bits in hexadecimal, how many of them count, and what they mean; the longest that fits decides. */
const v6: [bits: string, length: number, kind: AddressClass][] = [
  ['00000000000000000000000000000000', 128, 'unspecified'],
  ['00000000000000000000000000000001', 128, 'loopback'],
  ['000000000000000000000000', 96, 'transition'],
  ['00000000000000000000ffff', 96, 'transition'],
  ['0000000000000000ffff0000', 96, 'transition'],
  ['0064ff9b0001', 48, 'transition'],
  ['2002', 16, 'transition'],
  ['20010000', 32, 'transition'],
  ['20010100', 23, 'reserved'],
  ['20010020', 28, 'reserved'],
  ['20010db8', 32, 'documentation'],
  ['3fff0000', 20, 'documentation'],
  ['fe800000', 10, 'link_local'],
  ['fec00000', 10, 'reserved'],
  ['fc', 7, 'unique_local'],
  ['fd', 7, 'unique_local'],
  ['ff', 8, 'multicast'],
  ['20', 3, 'public'],
];

const bits = (value: bigint, length: number) => value >> BigInt(128 - length);

function expectedOf6(value: bigint): AddressClass {
  if (bits(value, 96) === 0x64ff9b0000000000000000n) return expectedOf4(Number(value & 0xffffffffn));
  if (bits(value, 23) === bits(0x20010000n << 96n, 23) && bits(value, 32) !== 0x20010000n) return 'reserved';
  const fits = v6.filter(([prefix, length]) => {
    const whole = BigInt(`0x${prefix.padEnd(32, '0')}`);
    return bits(whole, length) === bits(value, length);
  });
  return fits.toSorted((a, b) => b[1] - a[1])[0]?.[2] ?? 'reserved';
}

const groupsOf = (value: bigint) => Array.from({ length: 8 }, (_, at) => (value >> BigInt(112 - 16 * at)) & 0xffffn);

/** All the ways to write one address that systems understand. */
function textsOf6(value: bigint): string[] {
  const groups = groupsOf(value).map((group) => group.toString(16));
  const full = groups.join(':');
  const dotted = `${groups.slice(0, 6).join(':')}:${textOf4(Number(value & 0xffffffffn))}`;
  const padded = groups.map((group) => group.padStart(4, '0')).join(':');
  const short = new URL(`http://[${full}]/`).hostname.slice(1, -1);
  return [full, padded, dotted, short, padded.toUpperCase()];
}

test('IPv4: each range begins and ends where IANA says', () => {
  for (const [first, last, kind] of v4) {
    for (const value of [first - 1, first, last, last + 1]) {
      if (value < 0 || value > 0xffffffff) continue;
      expect([textOf4(value), classOf(textOf4(value))]).toEqual([textOf4(value), expectedOf4(value)]);
    }
    expect(classOf(textOf4(first))).toBe(kind);
  }
});

test('IPv4: any address', () => {
  const property = fc.property(fc.nat(0xffffffff), (value) => classOf(textOf4(value)) === expectedOf4(value));
  fc.assert(property, { numRuns });
});

test('IPv6: any address near any prefix, however it is written', () => {
  const prefix = fc.constantFrom(...v6.map(([hex]) => hex), '0064ff9b0000000000000000', '2600', '3ffe', '4000', '5f00');
  const property = fc.property(
    prefix,
    fc.bigInt(0n, 2n ** 128n - 1n),
    fc.nat(0xffffffff),
    fc.integer({ min: -1, max: 1 }),
    fc.boolean(),
    (hex, random, low, step, near) => {
      const length = BigInt(hex.length * 4);
      const start = BigInt(`0x${hex}`) << (128n - length);
      const rest = near ? BigInt(low) : random & ((1n << (128n - length)) - 1n);
      const value = (start + rest + BigInt(step) + 2n ** 128n) % 2n ** 128n;
      const expected = expectedOf6(value);
      for (const text of textsOf6(value)) expect([text, classOf(text)]).toEqual([text, expected]);
    },
  );
  fc.assert(property, { numRuns });
});

test('behind NAT64 lies what the last 32 bits say', () => {
  expect(classOf('64:ff9b::7f00:1')).toBe('loopback');
  expect(classOf('64:ff9b::169.254.169.254')).toBe('link_local');
  expect(classOf('64:ff9b::')).toBe('unspecified');
  expect(classOf('64:ff9b::8.8.8.8')).toBe('public');
});

test.each([
  '0x7f.1',
  '0x7f000001',
  '017700000001',
  '127.1',
  '2130706433',
  '127.0.0.01',
  '127.0.0.1.',
  '[::1]',
  'fe80::1%eth0',
  '::1%0',
  '',
  'localhost',
  '1.2.3.4:80',
  '1::2::3',
])('%p is not an address', (text) => {
  expect(classOf(text)).toBe('malformed');
});
