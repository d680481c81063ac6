import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { processorMs } from '../../test/support/processor.ts';
import { fallbackTag, isFallbackTag, isRepositoryName, isTag, maxNameLength } from './names.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 2_000);
const timeout = 5_000 + numRuns;

/** The expressions of distribution-spec "Pulling manifests", literally. */
const specName = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const specTag = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Mostly characters that names are made of, so that about half of the names are valid. */
const nameLike = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: fc.constantFrom(...'aaz09//._-'), maxLength: 14 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'aB9/._- %é\0\n'), maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
);

describe('repository names', () => {
  test(
    'lesson 38: exactly the names of the specification are valid',
    () => {
      let valid = 0;
      const check = (name: string) => {
        const expected = specName.test(name);
        if (expected) valid++;
        expect({ name, valid: isRepositoryName(name) }).toEqual({ name, valid: expected });
      };
      fc.assert(fc.property(nameLike, check), { numRuns });
      expect(valid).toBeGreaterThan(numRuns / 20);
    },
    timeout,
  );

  test('lesson 38: double underscores and runs of dashes separate, three underscores and mixed runs do not', () => {
    for (const name of ['a', '0', 'a__b', 'a--b', 'a----b', 'a.b', 'a/b__c/d-e', 'library/busy-box.1_2']) {
      expect({ name, valid: isRepositoryName(name) }).toEqual({ name, valid: true });
    }
    const invalid = [
      '',
      '/',
      'a/',
      '/a',
      'a//b',
      'a___b',
      'a..b',
      'a._b',
      'a-_b',
      'a_-b',
      '-a',
      'a-',
      'a__',
      'A',
      'é',
      'a b',
    ];
    for (const name of [...invalid, '.', '..', 'a/../b', 'a/./b', 'a\0', 'a%2fb', 'a\\b']) {
      expect({ name, valid: isRepositoryName(name) }).toEqual({ name, valid: false });
    }
  });

  test('255 characters are the most', () => {
    expect(isRepositoryName('a'.repeat(maxNameLength))).toBe(true);
    expect(isRepositoryName('a'.repeat(maxNameLength + 1))).toBe(false);
    expect(isRepositoryName(`${'a/'.repeat(127)}a`)).toBe(true);
  });

  test('a hostile name costs no more than a good one', () => {
    const hostile = ['-'.repeat(254), `a${'-'.repeat(253)}`, `${'a-'.repeat(127)}!`, 'a'.repeat(1_000_000)];
    const needed = processorMs(() => {
      for (let round = 0; round < 1_000; round++) for (const name of hostile) isRepositoryName(name);
    });
    expect(needed).toBeLessThan(1_000);
  });
});

describe('tags', () => {
  test(
    'exactly the tags of the specification are valid',
    () => {
      const tagLike = fc.oneof(
        fc.string({ unit: fc.constantFrom(...'aZ0_.-:/'), maxLength: 6 }),
        fc.string({ unit: fc.constantFrom(...'aZ0_.-'), minLength: 126, maxLength: 130 }),
        fc.string({ unit: 'binary', maxLength: 6 }),
      );
      const check = (tag: string) => expect({ tag, valid: isTag(tag) }).toEqual({ tag, valid: specTag.test(tag) });
      fc.assert(fc.property(tagLike, check), { numRuns });
    },
    timeout,
  );

  test('lesson 38: what is shaped like a digest is no tag', () => {
    expect(isTag(`sha256:${'a'.repeat(64)}`)).toBe(false);
    expect(isTag(`sha256-${'a'.repeat(64)}`)).toBe(true);
    expect(isTag('v1\n')).toBe(false);
  });
});

describe('referrers fallback tags', () => {
  test('are the algorithm and the digest, cut as the specification says', () => {
    const hex64 = '0123456789abcdef'.repeat(4);
    expect(fallbackTag(`sha256:${hex64}`)).toBe(`sha256-${hex64}`);
    expect(fallbackTag(`sha512:${hex64}${hex64}`)).toBe(`sha512-${hex64}`);
    for (const digest of [`sha256:${hex64}`, `sha512:${hex64}${hex64}`]) {
      expect(isFallbackTag(fallbackTag(digest))).toBe(true);
      expect(isTag(fallbackTag(digest))).toBe(true);
    }
    for (const tag of ['latest', `sha256-${hex64}.sig`, `sha256-${hex64}0`, `md5-${hex64}`])
      expect(isFallbackTag(tag)).toBe(false);
  });
});
