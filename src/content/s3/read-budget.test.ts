import { expect, test } from 'bun:test';
import { createReadBudget, smallestWindow } from './read-budget.ts';

const MiB = 1024 * 1024;

test('readers that take all they get stay within the budget, and each beyond it has the smallest window', () => {
  const budget = createReadBudget(8 * MiB);
  const shares = Array.from({ length: 1000 }, () => budget.share());
  const taken = shares.map((share) => {
    const first = share.take(4 * MiB, true);
    return first + share.take(4 * MiB, false);
  });
  expect(taken[0]).toBeGreaterThan(4 * MiB);
  expect(Math.min(...taken)).toBe(smallestWindow);
  expect(budget.held()).toBe(taken.reduce((sum, bytes) => sum + bytes));
  expect(budget.held()).toBeLessThanOrEqual(8 * MiB + 1000 * smallestWindow);
  // What is not needed at once is for those who have nothing.
  expect(shares[500]!.take(MiB, false)).toBe(0);
  for (const [at, share] of shares.entries()) share.give(taken[at]!);
  expect(budget.held()).toBe(0);
  expect(shares[7]!.take(4 * MiB, true)).toBe(4 * MiB);
});

test('a hundred readers share alike', () => {
  const budget = createReadBudget(32 * MiB);
  const shares = Array.from({ length: 100 }, () => budget.share());
  const first = shares.map((share) => share.take(smallestWindow, true));
  for (const [at, share] of shares.entries()) {
    share.give(first[at]!);
    first[at] = share.take(4 * MiB, true);
  }
  expect(Math.max(...first)).toBeLessThan(1.1 * Math.min(...first));
});

test('the end of an object takes no more than it has', () => {
  const share = createReadBudget(MiB).share();
  expect(share.take(100, true)).toBe(100);
  expect(share.take(200, true)).toBe(200);
});
