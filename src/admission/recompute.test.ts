import { expect, test } from 'bun:test';
import type { Catalog } from '../catalog/index.ts';
import { createRecompute, type RecomputeOptions } from './recompute.ts';
import type { AdmissionRules } from './rules.ts';

test('a node that does not understand all rules leaves the work to others for a while of each minute', () => {
  let time = 0;
  let isWhole = false;
  const rules = { all: () => [{ isWhole: true }, { isWhole }] } as unknown as AdmissionRules;
  const options = { catalog: {} as Catalog, rules, now: () => time } as unknown as RecomputeOptions;
  const { isForUs } = createRecompute(options);
  const seconds = () =>
    Array.from({ length: 120 }, (_, second) => {
      time = second * 1000;
      return isForUs();
    });
  // Long enough for heartbeats of both nodes, and for most of the time where there is nobody else.
  const left = seconds().filter((is) => !is).length;
  expect([left >= 6, left <= 20]).toEqual([true, true]);
  isWhole = true;
  expect(seconds()).not.toContain(false);
});
