import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { createSourceThrottle, sourceOf } from './source.ts';

test('an address is kept out when too much has failed from there, and comes in again with time', () => {
  let now = 0;
  const source = createSourceThrottle({ failures: 60, clock: () => now });
  for (let n = 0; n < 60; n++) {
    expect(() => source.require('192.0.2.1')).not.toThrow();
    source.failed('192.0.2.1');
  }
  const waits = [0, 1000, 2000].map((at) => {
    now = at === 0 ? 0 : now;
    try {
      source.require('192.0.2.1');
      return 0;
    } catch (error) {
      const { code, headers } = error as { code: string; headers: Record<string, string> };
      expect(code).toBe('TOOMANYREQUESTS');
      return Number(headers['Retry-After']);
    }
  });
  expect(waits).toEqual([6, 6, 6]);
  expect(() => source.require('192.0.2.2')).not.toThrow();
  now = 999;
  expect(source.isExhausted('192.0.2.1')).toBe(true);
  now = 1001;
  expect(source.isExhausted('192.0.2.1')).toBe(false);
});

test('0 is any number', () => {
  const source = createSourceThrottle({ failures: 0 });
  for (let n = 0; n < 1000; n++) source.failed('192.0.2.1');
  expect(() => source.require('192.0.2.1')).not.toThrow();
});

test('who has one IPv6 address has its /64, however it is written', () => {
  expect(sourceOf('192.0.2.1')).toBe('192.0.2.1');
  for (const address of ['2001:db8::1', '2001:0db8:0:0:ffff:1:2:3', '2001:DB8:0:0::', '2001:db8::192.0.2.1']) {
    expect(sourceOf(address)).toBe('2001:db8:0:0::/64');
  }
  expect(sourceOf('::1')).toBe('0:0:0:0::/64');
  expect(sourceOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
  const group = fc.integer({ min: 0, max: 0xffff });
  fc.assert(
    fc.property(fc.tuple(group, group, group, group), fc.tuple(group, group, group, group), (prefix, rest) => {
      const words = (groups: number[]) => groups.map((one) => one.toString(16));
      expect(sourceOf(words([...prefix, ...rest]).join(':'))).toBe(`${words(prefix).join(':')}::/64`);
    }),
  );
});

test('the table of addresses has an end', () => {
  const source = createSourceThrottle({ failures: 1 });
  for (let n = 0; n < 30_000; n++) source.failed(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`);
  // The first are forgotten.
  expect(source.isExhausted('10.0.0.0')).toBe(false);
  expect(source.isExhausted('10.0.117.47')).toBe(true);
});
