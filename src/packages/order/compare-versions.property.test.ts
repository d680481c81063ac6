import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { compareVersions } from '../index.ts';
import { maxVersionLength } from './sort-key.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 1_000);
const timeout = 5_000 + numRuns;

/** One of each scheme. */
const schemes = [
  'Debian',
  'Alpine',
  'Red Hat',
  'PyPI',
  'npm',
  'Go',
  'RubyGems',
  'NuGet',
  'Packagist',
  'Pub',
  'CRAN',
  'Maven',
];

/** Pieces of which versions are made, and of which hostile ones are. */
const piece = fc.oneof(
  fc.constantFrom('0', '00', '1', '01', '10', '9', '99999999999999999999'),
  fc.constantFrom('.', '.', '-', '-r', '_', '~', '^', '+', ':', '!', '#', ' ', '\u0000', '\u0001', 'é'),
  fc.constantFrom('a', 'b', 'rc', 'alpha', 'dev', 'post', 'sp', 'ga', 'pre', '_p', '_rc', 'v', 'x', 'Z', 'final'),
);
/** Versions that begin alike, so that what follows decides. */
const ending = fc.constantFrom(
  '.0',
  '.1',
  '-1',
  '-0',
  '.rc',
  '-rc',
  'rc1',
  '.a',
  '-a',
  '~1',
  '^1',
  '_p1',
  '_rc1',
  '+1',
  '.dev1',
);
const version = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
  fc.array(ending, { maxLength: 2 }).map((endings) => `1${endings.join('')}`),
);

describe.each(schemes)('%s', (ecosystem) => {
  const compare = (a: string, b: string) => compareVersions(ecosystem, a, b);

  test(
    'has one answer for two versions, whichever way it is asked',
    () => {
      fc.assert(
        fc.property(version, version, (a, b) => {
          expect(compare(a, a)).toBe(0);
          expect(compare(a, b) + compare(b, a)).toBe(0);
          expect([-1, 0, 1]).toContain(compare(a, b));
        }),
        { numRuns },
      );
    },
    timeout,
  );

  test('knows long versions by their beginning, and answers in time that grows with their length alone', () => {
    const hostile = [
      '1',
      '1.',
      '-',
      '~',
      'a1',
      '.a',
      '_rc',
      '-r1',
      '0',
      '+a',
      '\ud800',
      '1!',
      '.0.',
      '--',
      '_alpha9',
      'v',
    ];
    const started = performance.now();
    for (const text of hostile) {
      const long = text.repeat(1_000_000 / text.length);
      expect(compare(long, `${long}x`)).toBe(0);
      compare(long, '1');
      compare(long.slice(0, maxVersionLength), `${long.slice(0, maxVersionLength - 1)}x`);
    }
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

// Maven's own order is none: `compareMaven` has the example.
describe.each(schemes.filter((scheme) => scheme !== 'Maven'))('%s', (ecosystem) => {
  test(
    'is a total order: of three versions, each has its place',
    () => {
      fc.assert(
        fc.property(fc.array(version, { minLength: 3, maxLength: 3 }), (versions) => {
          const [a, b, c] = versions.toSorted((x, y) => compareVersions(ecosystem, x, y)) as [string, string, string];
          expect(compareVersions(ecosystem, a, b)).toBeLessThanOrEqual(0);
          expect(compareVersions(ecosystem, b, c)).toBeLessThanOrEqual(0);
          expect(compareVersions(ecosystem, a, c)).toBeLessThanOrEqual(0);
          // Those that are equal are the same to all others.
          if (compareVersions(ecosystem, a, b) === 0) {
            expect(compareVersions(ecosystem, a, c)).toBe(compareVersions(ecosystem, b, c));
          }
        }),
        { numRuns },
      );
    },
    timeout,
  );
});

test(
  'Maven without words behind dots has a total order, too',
  () => {
    const plain = fc
      .tuple(
        fc.array(fc.constantFrom('0', '1', '2', '10'), { minLength: 1, maxLength: 4 }),
        fc.constantFrom('', '-alpha', '-rc-1', '-rc-2', '-SNAPSHOT', '-sp', '-jre', '-android'),
      )
      .map(([numbers, word]) => numbers.join('.') + word);
    fc.assert(
      fc.property(plain, plain, plain, (a, b, c) => {
        const [first, second] = [compareVersions('Maven', a, b), compareVersions('Maven', b, c)];
        if (first <= 0 && second <= 0) expect(compareVersions('Maven', a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns },
    );
  },
  timeout,
);

test('versions that are asked for again and again are compared a million times in a second or a few', () => {
  const versions = Array.from({ length: 2_000 }, (_, at) => `${at % 7}.${at % 31}.${at}-${at % 3}+deb12u${at % 5}`);
  const started = performance.now();
  let less = 0;
  for (let at = 0; at < 1_000_000; at++) {
    if (compareVersions('Debian', versions[at % 2_000]!, versions[(at * 7 + 1) % 2_000]!) < 0) less++;
  }
  const ms = performance.now() - started;
  console.log(`1,000,000 comparisons of Debian's versions: ${ms.toFixed(0)} ms`);
  expect(less).toBeGreaterThan(0);
  expect(ms).toBeLessThan(20_000);
});
