import { expect, test } from 'bun:test';
import { digestNumber } from './facts.double.ts';
import { createRecent } from './recent.ts';
import type { RepositoryRules } from './rules.ts';

const place = { repositoryId: 7, digest: digestNumber(1) };
const rules = {} as RepositoryRules;

test('what was let out is believed for half a second, of one repository and by its rules', () => {
  let now = 1000;
  const recent = createRecent(() => now);
  recent.keep(place, rules, { at: now, validUntil: 10_000 });
  expect(recent.has(place, rules)).toBe(true);
  expect(recent.has({ ...place, repositoryId: 8 }, rules)).toBe(false);
  expect(recent.has(place, { ...rules })).toBe(false);
  expect([((now = 1499), recent.has(place, rules)), ((now = 1500), recent.has(place, rules))]).toEqual([true, false]);
  recent.keep(place, rules, { at: now, validUntil: 1600 });
  now = 1600;
  expect(recent.has(place, rules)).toBe(false);
});

test('a clock that is put back makes nothing of it longer', () => {
  let now = 3_600_000;
  const recent = createRecent(() => now);
  recent.keep(place, rules, { at: now, validUntil: Number.MAX_SAFE_INTEGER });
  now -= 3_000_000;
  expect(recent.has(place, rules)).toBe(false);
});
