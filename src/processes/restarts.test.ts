import { expect, test } from 'bun:test';
import { createRestarts } from './restarts.ts';

test('a worker is replaced at once, then after pauses that double, and given up after eight ends in a row', () => {
  const restarts = createRestarts(0);
  let now = 0;
  const pauses = Array.from({ length: 8 }, () => {
    now += 1000;
    const pauseMs = restarts.pauseAfter(now);
    now += pauseMs ?? 0;
    return pauseMs;
  });
  expect(pauses).toEqual([0, 100, 200, 400, 800, 1600, 3200, undefined]);
  expect(restarts.inRow()).toBe(8);
});

test('a worker that lived for a while begins a new row', () => {
  const restarts = createRestarts(0);
  for (const now of [1, 2, 3]) restarts.pauseAfter(now);
  expect(restarts.pauseAfter(40_000)).toBe(0);
  expect(restarts.pauseAfter(40_010)).toBe(100);
});
