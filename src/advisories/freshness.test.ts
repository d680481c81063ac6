import { expect, test } from 'bun:test';
import { advisoryChecks } from './checks.ts';
import { freshnessOf } from './freshness.ts';

const feeds = [
  { id: 'osv/Debian', okAt: 100 },
  { id: 'debian-tracker', okAt: 300 },
  { id: 'osv/npm', okAt: 200 },
  { id: 'osv/Go', okAt: undefined },
  { id: 'trivy-db/amazon linux 2023', okAt: 50 },
  { id: 'kev', okAt: 1 },
];

test('what is known of ecosystems is as old as the oldest of what is newest of each', () => {
  expect(freshnessOf(feeds, ['Debian'], 1000)).toBe(300);
  expect(freshnessOf(feeds, ['Debian', 'npm'], 1000)).toBe(200);
  expect(freshnessOf(feeds, ['Debian', 'Amazon Linux'], 1000)).toBe(50);
  expect(freshnessOf(feeds, ['Debian', 'Go'], 1000)).toBeUndefined();
  expect(freshnessOf(feeds, ['PyPI'], 1000)).toBeUndefined();
  expect(freshnessOf(feeds, [], 1000)).toBeUndefined();
  // Of a clock that was wrong.
  const ahead = [...feeds, { id: 'trivy-db/debian 12', okAt: 9_000_000 }];
  expect(freshnessOf(ahead, ['Debian'], 400)).toBe(300);
});

test('sources that are stale are named, the first ones, with their age', () => {
  const hour = 3_600_000;
  const look = (stale: { id: string; okAt: number | undefined; changedAt: undefined }[]) =>
    advisoryChecks[0]!.look({ feeds: stale, maxAge: 48 * hour, refresh: false, now: 1000 * hour, serverId: '/x' });
  expect(look([{ id: 'kev', okAt: 953 * hour, changedAt: undefined }])).toEqual([]);
  const old = Array.from({ length: 7 }, (_, n) => ({
    id: `osv/${n}`,
    okAt: n === 0 ? undefined : 900 * hour,
    changedAt: undefined,
  }));
  expect(look(old)).toMatchObject([
    {
      problem: expect.stringContaining('osv/0 (never), osv/1 (for 4 days)'),
      settings: { BONDED_ADVISORIES_REFRESH: 'true' },
    },
  ]);
  expect(look(old)[0]!.problem).toEndWith('and 2 more');
});
