import { expect, test } from 'bun:test';
import { freshnessOf } from './freshness.ts';

test('what is known of an image is as old as the oldest of what its ecosystems are known by', () => {
  const feeds = [
    { id: 'osv/Debian', okAt: 100 },
    { id: 'debian-tracker', okAt: 300 },
    { id: 'osv/npm', okAt: 200 },
    { id: 'alpine-secdb/v3.19/main', okAt: 50 },
    { id: 'trivy-db/rocky 9', okAt: 70 },
    { id: 'osv/PyPI', okAt: undefined },
    { id: 'kev', okAt: 1 },
  ];
  expect(freshnessOf(feeds, ['Debian'])).toBe(300);
  expect(freshnessOf(feeds, ['Debian', 'npm'])).toBe(200);
  expect(freshnessOf(feeds, ['Alpine', 'npm'])).toBe(50);
  expect(freshnessOf(feeds, ['Rocky Linux'])).toBe(70);
  expect(freshnessOf(feeds, ['PyPI', 'npm'])).toBe(0);
  expect(freshnessOf(feeds, ['Maven'])).toBe(0);
  expect(freshnessOf(feeds, [])).toBeUndefined();
});
