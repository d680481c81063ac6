import { describe, expect, test } from 'bun:test';
import { availableParallelism } from 'node:os';
import { byteSize, duration, hostName, listenAddress, processCount, timeout } from './values.ts';

describe('a duration', () => {
  test.each<[string | number, number]>([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
    [' 1s ', 1000],
    ['0s', 0],
    [90, 90_000],
    ['90', 90_000],
  ])('%p is %i ms', (text, ms) => expect(duration().parse(text)).toBe(ms));

  test.each(['', 's', '1.5h', '-1s', '1 s', '1w', '1S', '1e3s', '9999999999999s', '1s1', 1.5, -1, NaN, true, null, {}])(
    '%p is refused',
    (text) => {
      expect(duration().safeParse(text).success).toBe(false);
    },
  );

  test('after which something is given up is none that no timer can be set to', () => {
    expect(timeout().parse('24d')).toBe(24 * 86_400_000);
    expect(timeout().safeParse('25d').error?.issues).toMatchObject([{ message: 'must be at most 24d' }]);
  });
});

describe('a size', () => {
  test.each<[string | number, number]>([
    ['512B', 512],
    ['64KiB', 65_536],
    ['8MiB', 8 * 2 ** 20],
    ['200GiB', 200 * 2 ** 30],
    ['1TiB', 2 ** 40],
    [4096, 4096],
    ['4096', 4096],
  ])('%p is %i bytes', (text, bytes) => expect(byteSize().parse(text)).toBe(bytes));

  test.each(['1KB', '1M', '1mib', '1.5GiB', '-1B', 'B', '999999999999TiB'])('%p is refused', (text) => {
    expect(byteSize().safeParse(text).success).toBe(false);
  });
});

describe('an address to listen on', () => {
  test.each([
    ['127.0.0.1:5000', '127.0.0.1', 5000],
    ['localhost:0', 'localhost', 0],
    ['[::1]:65535', '::1', 65_535],
  ])('%s', (text, host, port) => expect(listenAddress().parse(text)).toEqual({ host, port }));

  test.each([
    '5000',
    ':5000',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '::1:5000',
    '[::1]',
    'http://127.0.0.1:5000',
    'a b:1',
    '',
  ])('%p is refused', (text) => {
    expect(listenAddress().safeParse(text).success).toBe(false);
  });
});

describe('a host name', () => {
  test.each([
    ['Registry.Example.COM', 'registry.example.com'],
    ['localhost', 'localhost'],
    ['a-b.c', 'a-b.c'],
  ])('%s', (text, name) => expect(hostName().parse(text)).toBe(name));

  test.each([
    '',
    '-a',
    'a_b',
    'a..b',
    '.a',
    'a.',
    'a:80',
    'a/b',
    'http://a',
    'a b',
    'ä.de',
    'a'.repeat(64),
    `${'a.'.repeat(127)}ab`,
  ])('%p is refused', (text) => {
    expect(hostName().safeParse(text).success).toBe(false);
  });
});

describe('a number of processes', () => {
  test.each<[string | number, number]>([
    [1, 1],
    ['8', 8],
    [64, 64],
    ['auto', Math.min(64, availableParallelism())],
  ])('%p is %i', (text, count) => expect(processCount().parse(text)).toBe(count));

  test.each([0, 65, -1, 1.5, '', '2 ', 'many', NaN, null])('%p is refused', (text) => {
    expect(processCount().safeParse(text).success).toBe(false);
  });
});
