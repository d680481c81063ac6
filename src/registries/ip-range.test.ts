import { expect, test } from 'bun:test';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { formatAddress, parseIpRange, readAddress } from './ip-range.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 2000);

test.each([
  ['203.0.113.0/24', 4, '203.0.113.0', '203.0.113.255'],
  ['203.0.113.7', 4, '203.0.113.7', '203.0.113.7'],
  ['0.0.0.0/0', 4, '0.0.0.0', '255.255.255.255'],
  ['10.0.0.0/8', 4, '10.0.0.0', '10.255.255.255'],
  ['2001:db8::/32', 6, '2001:db8::', '2001:db8:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['2001:DB8:0:0:0:0:0:1', 6, '2001:db8::1', '2001:db8::1'],
  ['2001:0db8::0001/128', 6, '2001:db8::1', '2001:db8::1'],
  ['::/0', 6, '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe80::/10', 6, 'fe80::', 'febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
] as const)('%s is a range', (text, version, first, last) => {
  const range = parseIpRange(text);
  if (typeof range === 'string') throw new Error(range);
  const shown = [range.first, range.last].map((value) => formatAddress({ version: range.version, value }));
  expect([range.version, ...shown]).toEqual([version, first, last]);
});

test.each([
  ['', 'no IPv4 address'],
  ['203.0.113', 'no IPv4 address'],
  ['203.0.113.256', 'no IPv4 address'],
  ['203.0.113.07', 'no IPv4 address'],
  ['010.0.0.0/8', 'no IPv4 address'],
  ['0x7f.0.0.1', 'no IPv4 address'],
  ['2130706433', 'no IPv4 address'],
  ['127.1', 'no IPv4 address'],
  ['1.2.3.4.5', 'no IPv4 address'],
  [' 1.2.3.4', 'no IPv4 address'],
  ['１.2.3.4', 'no IPv4 address'],
  ['1.2.3.4/', 'prefix'],
  ['1.2.3.4/33', 'prefix'],
  ['1.2.3.4/032', 'prefix'],
  ['1.2.3.4/-1', 'prefix'],
  ['1.2.3.4/ 32', 'prefix'],
  ['1.2.3.4/24/24', 'prefix'],
  ['1.2.3.0/255.255.255.0', 'prefix'],
  ['203.0.113.7/24', 'write 203.0.113.0/24'],
  ['2001:db8::1/32', 'write 2001:db8::/32'],
  ['2001:db8::/129', 'prefix'],
  ['2001:db8::/0128', 'prefix'],
  ['2001:db8:::1', 'no IPv6 address'],
  ['1::2::3', 'no IPv6 address'],
  ['1:2:3:4:5:6:7', 'no IPv6 address'],
  ['1:2:3:4:5:6:7:8:9', 'no IPv6 address'],
  ['1:2:3:4::5:6:7:8', 'no IPv6 address'],
  ['00001::', 'no IPv6 address'],
  ['12345::', 'no IPv6 address'],
  ['g::', 'no IPv6 address'],
  [':1', 'no IPv6 address'],
  ['[::1]', 'no IPv6 address'],
  ['fe80::1%eth0', 'zone'],
  ['fe80::1%25eth0/64', 'zone'],
  ['::ffff:10.0.0.1', 'IPv4 in IPv6'],
  ['64:ff9b::10.0.0.1', 'IPv4 in IPv6'],
  ['::ffff:a00:1', 'write 10.0.0.1'],
  ['::ffff:a00:0/104', 'write 10.0.0.0'],
  ['0:0:0:0:0:ffff:0:0/96', 'write 0.0.0.0'],
  ['1'.repeat(65), 'an IP address or a range'],
])('%p is refused: %s', (text, reason) => {
  expect(parseIpRange(text)).toContain(reason);
});

test.each([
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:C000:0201', '192.0.2.1'],
  ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
  ['FE80::1%eth0', 'fe80::1'],
  ['2001:DB8::0:1', '2001:db8::1'],
])('the address %s of a client is %s', (text, canonical) => {
  expect(formatAddress(readAddress(text)!)).toBe(canonical);
});

const ipv6 = fc.ipV6();
const text = fc.oneof(fc.ipV4(), ipv6, fc.string({ maxLength: 20 }), fc.stringMatching(/^[0-9a-f:.%/]{1,24}$/));

test('what we read as an address, and Node does, is the same; nothing else is read', () => {
  fc.assert(
    fc.property(text, (written) => {
      if (written.includes('%')) return;
      const address = readAddress(written);
      expect(address !== undefined).toBe(isIP(written) !== 0);
    }),
    { numRuns },
  );
});

test('an address that is written anew is the same address', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), ipv6), (written) => {
      const address = readAddress(written)!;
      expect(readAddress(formatAddress(address))).toEqual(address);
      if (address.version === 6) expect(parseIpRange(formatAddress(address))).toMatchObject({ first: address.value });
    }),
    { numRuns },
  );
});
