import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { claimPatternSchema, matchesPattern, matchesText } from './match-pattern.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 2_000);

/** The same by the book: a table of which beginnings fit which. */
function fitsByTable(wildcards: string, text: string): boolean {
  let row = Array.from({ length: text.length + 1 }, (_, at) => at === 0);
  for (const character of wildcards) {
    let seen = false;
    row = row.map((_, at) => {
      seen ||= row[at]!;
      return character === '*' ? seen : at > 0 && row[at - 1]! && text[at - 1] === character;
    });
  }
  return row.at(-1)!;
}

const few = (characters: string) => fc.string({ unit: fc.constantFrom(...characters), maxLength: 12 });

test('a pattern fits what it says, with any number of *', () => {
  fc.assert(
    fc.property(few('ab*'), few('ab'), (wildcards, text) => {
      expect(matchesText(wildcards, text)).toBe(fitsByTable(wildcards, text));
    }),
    { numRuns },
  );
});

test('what a pattern was made from fits it, and without * nothing else does', () => {
  const property = fc.property(fc.string(), fc.string(), fc.nat(20), fc.nat(20), (text, other, from, length) => {
    expect(matchesText(`${text.slice(0, from)}*${text.slice(from + length)}`, text)).toBe(true);
    if (!text.includes('*')) expect(matchesText(text, other)).toBe(text === other);
  });
  fc.assert(property, { numRuns });
});

test('a pattern of many * does not take long', () => {
  const began = performance.now();
  for (let round = 0; round < 100; round++) expect(matchesText(`${'a*'.repeat(255)}b`, 'a'.repeat(16_000))).toBe(false);
  expect(performance.now() - began).toBeLessThan(5000);
});

const claims = {
  sub: 'repo:acme/app:ref:refs/heads/main',
  repository_id: 42,
  ref_protected: true,
  groups: ['readers', 'writers'],
  empty: '',
  'kubernetes.io': { namespace: 'shop', pod: { name: 'web-0' } },
  'https://sts.amazonaws.com/': { aws_account: '123456789012' },
};

test.each([
  [{ subject: 'repo:acme/app:ref:refs/heads/main' }, true],
  [{ subject: 'repo:acme/*' }, true],
  [{ subject: 'repo:acme/*:ref:refs/heads/main' }, true],
  [{ subject: 'repo:acme/app' }, false],
  [{ subject: 'REPO:acme/*' }, false],
  // Whoever means everybody has to say of which claim.
  [{ subject: '*' }, false],
  [{ subject: '***' }, false],
  [{}, false],
  [{ claims: {} }, false],
  [{ claims: { repository_id: '*' } }, false],
  [{ claims: { repository_id: '42' } }, true],
  [{ claims: { ref_protected: 'true' } }, true],
  [{ claims: { groups: 'writers' } }, true],
  [{ claims: { groups: 'w*' } }, true],
  [{ claims: { groups: 'readers,writers' } }, false],
  [{ claims: { '/kubernetes.io/namespace': 'shop' } }, true],
  [{ claims: { '/kubernetes.io/pod/name': 'web-*' } }, true],
  [{ claims: { '/kubernetes.io/pod': '*b*' } }, false],
  [{ claims: { '/https:~1~1sts.amazonaws.com~1/aws_account': '123456789012' } }, true],
  [{ claims: { missing: '*', groups: 'writers' } }, false],
  [{ claims: { constructor: '*', groups: 'writers' } }, false],
  [{ claims: { '/groups/0': 'readers' } }, false],
  [{ claims: { '/__proto__/x': '*', groups: 'writers' } }, false],
  [{ claims: { empty: '*', groups: 'writers' } }, true],
  [{ subject: 'repo:acme/*', claims: { groups: 'owners' } }, false],
  [{ subject: 'repo:acme/*', claims: { groups: 'readers' } }, true],
])('%j: %p', (pattern, expected) => {
  expect(matchesPattern(claims, pattern)).toBe(expected);
});

test('the subject is the claim that the issuer has for it', () => {
  expect(matchesPattern({ sub: 'a', oid: 'b' }, { subject: 'b' }, 'oid')).toBe(true);
  expect(matchesPattern({ sub: 'a', oid: 'b' }, { subject: 'a' }, 'oid')).toBe(false);
});

test.each([
  {},
  { subject: '*' },
  { subject: '**' },
  { subject: '' },
  { claims: {} },
  { claims: { ref: '*' } },
  { claims: { ref: 1 } },
  { subject: 'a'.repeat(513) },
  { subject: 'a', more: 'b' },
  { claims: Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`c${at}`, 'x'])) },
])('%j is no pattern', (value) => {
  expect(claimPatternSchema.safeParse(value).success).toBe(false);
});
