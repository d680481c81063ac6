import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { isImmutable, matchesFilter, tagMutabilityModes } from './tag-mutability.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 2_000);
const timeout = 5_000 + numRuns;

const digestTag = `sha256-${'0123456789abcdef'.repeat(4)}`;

describe('which tags are immutable', () => {
  const exclusions = ['latest', 'dev-*'];
  test.each([
    ['MUTABLE', [false, false, false]],
    ['IMMUTABLE', [true, true, true]],
    ['MUTABLE_WITH_EXCLUSION', [false, true, true]],
    ['IMMUTABLE_WITH_EXCLUSION', [true, false, false]],
  ] as const)('in the mode %s', (mode, expected) => {
    expect(['v1', 'latest', 'dev-7'].map((tag) => isImmutable({ mode, exclusions }, tag))).toEqual([...expected]);
  });

  test('never those by which clients add to what is said of a manifest', () => {
    const rules = tagMutabilityModes.map((mode) => ({ mode, exclusions: ['*'] }));
    for (const tag of [digestTag, `${digestTag}.sig`, `${digestTag}.att`, `${digestTag}.sbom`])
      expect(rules.filter((rule) => isImmutable(rule, tag))).toEqual([]);
    for (const tag of [`${digestTag}0`, `${digestTag}.exe`, `x${digestTag}`])
      expect(isImmutable({ mode: 'IMMUTABLE', exclusions: [] }, tag)).toBe(true);
  });
});

describe('a filter', () => {
  test.each([
    ['dev-*', 'dev-', true],
    ['dev-*', 'dev', false],
    ['*', '', true],
    ['*', 'anything', true],
    ['*-rc*', 'v1-rc1', true],
    ['*-rc*', 'v1-r', false],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['v1.0', 'v1x0', false],
    ['V1', 'v1', false],
    ['v*-*-x', 'v1-x', false],
    ['v*-*-x', 'v1--x', true],
  ])('%p on %p: %p', (filter, tag, expected) => {
    expect(matchesFilter(filter, tag)).toBe(expected);
  });

  test(
    'matches what the same expression would',
    () => {
      const text = (alphabet: string, most: number) =>
        fc.array(fc.constantFrom(...alphabet), { maxLength: most }).map((letters) => letters.join(''));
      fc.assert(
        fc.property(text('ab.*', 8), text('ab.', 12), (filter, tag) => {
          const pattern = filter.replaceAll('.', '\\.').replaceAll('*', '.*');
          expect(matchesFilter(filter, tag)).toBe(new RegExp(`^${pattern}$`).test(tag));
        }),
        { numRuns },
      );
    },
    timeout,
  );
});
