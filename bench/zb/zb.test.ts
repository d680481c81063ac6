import { createHash } from 'node:crypto';
import { expect, test } from 'bun:test';
import { percentile } from '../percentile.ts';
import { draw } from './mix.ts';
import { readZbOptions } from './options.ts';
import { sizes, sparseBlob } from './sizes.ts';
import { tests } from './tests.ts';

test('the names are those of zb', () => {
  expect(tests.map(({ name }) => name)).toEqual([
    'Get Catalog',
    'Push Monolith 1MB',
    'Push Monolith 10MB',
    'Push Monolith 100MB',
    'Push Chunk Streamed 1MB',
    'Push Chunk Streamed 10MB',
    'Push Chunk Streamed 100MB',
    'Pull 1MB',
    'Pull 10MB',
    'Pull 100MB',
    'Pull Mixed 20% 1MB, 70% 10MB, 10% 100MB',
    'Push Monolith Mixed 20% 1MB, 70% 10MB, 10% 100MB',
    'Push Chunk Mixed 33% 1MB, 33% 10MB, 33% 100MB',
    'Pull 75% and Push 25% Mixed 1MB',
    'Pull 75% and Push 25% Mixed 10MB',
    'Pull 75% and Push 25% Mixed 100MB',
  ]);
});

test('percentiles are samples, counted as zb counts them', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
  expect([50, 75, 90, 99].map((percent) => percentile(hundred, percent))).toEqual([51, 76, 91, 100]);
  expect(percentile([7], 99)).toBe(7);
  expect(percentile([3, 1], 50)).toBe(3);
  expect(percentile([1, 2], 100)).toBe(2);
  expect(percentile([], 50)).toBeNaN();
});

test('a mix gives every choice its part, and what rounding leaves to the last', () => {
  const { sizes: mix } = tests.find(({ name }) => name.startsWith('Pull Mixed'))!;
  const drawn = Array.from({ length: 1000 }, (_, at) => draw(mix, () => (at + 0.5) / 1000));
  const counts = Object.groupBy(drawn, (size) => size);
  expect(counts['1MB']).toHaveLength(200);
  expect(counts['10MB']).toHaveLength(700);
  expect(counts['100MB']).toHaveLength(100);
  expect(draw({ a: 0.33, b: 0.33, c: 0.33 }, () => 0.9999)).toBe('c');
});

test('a blob has its size, its digest, and a content of its own', () => {
  const [blob, other] = [sparseBlob(sizes['10MB']), sparseBlob(sizes['10MB'])];
  const bytes = Buffer.concat(blob.pieces);
  expect(bytes.byteLength).toBe(10 * 1024 * 1024);
  expect(blob.digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  expect(other.digest).not.toBe(blob.digest);
});

test('flags are those of zb; requests are shared evenly among connections', () => {
  const options = readZbOptions(['-c', '10', '-n', '105', '-r', 'a/b', '-t', '^Pull', 'http://127.0.0.1:5000']);
  expect(options).toMatchObject({ concurrency: 10, requests: 100, repository: 'a/b', output: 'stdout', list: false });
  expect(options.only.test('Pull 1MB')).toBe(true);
  expect(readZbOptions(['-l']).list).toBe(true);
});

test.each([
  [['-c', '2', 'http://a'], 'fewer requests'],
  [['-n', '0', 'http://a'], 'from 1'],
  [['-n', '1e3', 'http://a'], 'from 1'],
  [['-r', 'UPPER', 'http://a'], 'no name of a repository'],
  [['-t', '(', 'http://a'], 'no regular expression'],
  [['-o', 'xml', 'http://a'], 'stdout or json'],
  [['ftp://a'], 'not the URL'],
  [['http://a/b'], 'no path'],
  [['http://u:p@a'], 'credentials'],
  [['-A', '/not/there', 'http://a'], 'cannot read /not/there: ENOENT'],
  [['-A', '/dev/null', 'http://a'], 'holds no user:password'],
  [[], 'which registry'],
])('%j is refused in words', (args, words) => {
  expect(() => readZbOptions(args)).toThrow(words);
});
