import { expect, test } from 'bun:test';
import { BlockList } from 'node:net';
import fc from 'fast-check';
import { formatAddress, type NetworkScope, networkScopes, parseIpRange } from '../registries/index.ts';
import { bitsOf, compileIpRules, type IpRule } from './ip-rules.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 1000);

/** Ranges close to each other, so that many of them lie in one another. */
const range = fc
  .tuple(fc.constantFrom<4 | 6>(4, 6), fc.integer({ min: 0, max: 10 }), fc.integer({ min: 0, max: 1023 }))
  .map(([version, hostBits, low]) => {
    const [base, bits] = version === 4 ? [0x0a00_0000n, 32] : [0x2001_0db8n << 96n, 128];
    const value = ((base + BigInt(low)) >> BigInt(hostBits)) << BigInt(hostBits);
    return `${formatAddress({ version, value })}/${bits - hostBits}`;
  });
const rules: fc.Arbitrary<IpRule[]> = fc.array(
  fc.record({ value: range, scope: fc.option(fc.subarray([...networkScopes], { minLength: 1 }), { nil: undefined }) }),
  { maxLength: 40 },
);
const client = fc.tuple(fc.constantFrom<4 | 6>(4, 6), fc.integer({ min: -2, max: 1030 })).map(([version, low]) => {
  const base = version === 4 ? 0x0a00_0000n : 0x2001_0db8n << 96n;
  return formatAddress({ version, value: base + BigInt(low) });
});

/** One rule after the other, each asked of Node. */
function naive(all: readonly IpRule[], address: string): number {
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  return all.reduce((bits, { value, scope }) => {
    const [network = '', prefix = ''] = value.split('/');
    const list = new BlockList();
    list.addSubnet(network, Number(prefix), network.includes(':') ? 'ipv6' : 'ipv4');
    return list.check(address, family) ? bits | bitsOf(scope) : bits;
  }, 0);
}

test('compiled rules allow what the rules allow one by one', () => {
  fc.assert(
    fc.property(rules, fc.array(client, { minLength: 1, maxLength: 20 }), (all, clients) => {
      const compiled = compileIpRules(all);
      for (const address of clients) expect([address, compiled(address)]).toEqual([address, naive(all, address)]);
    }),
    { numRuns },
  );
});

test('the ends of each version belong to it alone', () => {
  const everything = (value: string) => compileIpRules([{ value }]);
  const ends = ['0.0.0.0', '255.255.255.255', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'];
  expect(ends.map(everything('0.0.0.0/0')).map(Boolean)).toEqual([true, true, false, false]);
  expect(ends.map(everything('::/0')).map(Boolean)).toEqual([false, false, true, true]);
});

test('IPv4 in IPv6 is IPv4 to the rules, however it is written', () => {
  const allowed = compileIpRules([{ value: '10.0.0.0/8' }]);
  const mapped = ['::ffff:10.1.2.3', '::ffff:a01:203', '::FFFF:0a01:0203', '0:0:0:0:0:ffff:10.1.2.3'];
  expect(mapped.map(allowed).map(Boolean)).toEqual([true, true, true, true]);
  // All of IPv6 is none of IPv4.
  expect(mapped.map(compileIpRules([{ value: '::/0' }])).map(Boolean)).toEqual([false, false, false, false]);
  expect(['', 'unknown', '10.1.2', '10.1.2.3:80'].map(allowed)).toEqual([0, 0, 0, 0]);
});

test('a rule that cannot be read allows nothing, and leaves the others', () => {
  const compiled = compileIpRules([{ value: 'nonsense' }, { value: '10.0.0.1', scope: ['pull'] }]);
  expect(compiled('10.0.0.1')).toBe(bitsOf(['pull']));
});

test('ten thousand rules are asked as fast as ten', () => {
  const scope: NetworkScope[] = ['push'];
  const many = Array.from({ length: 10_000 }, (_, at) => ({ value: `10.${at >> 8}.${at & 255}.0/25`, scope }));
  const [ten, all] = [compileIpRules(many.slice(0, 10)), compileIpRules(many)];
  expect(typeof parseIpRange(many[9999]!.value)).toBe('object');
  expect([all('10.39.15.127'), all('10.39.15.128')]).toEqual([bitsOf(scope), 0]);
  const time = (rulesOf: (address: string) => number) => {
    const started = performance.now();
    for (let at = 0; at < 20_000; at++) rulesOf('10.20.30.40');
    return performance.now() - started;
  };
  time(ten);
  // One after the other it would be a thousand times as long.
  const few = Math.min(time(ten), time(ten), time(ten));
  expect(Math.min(time(all), time(all), time(all))).toBeLessThan(few * 20);
});
