import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { KeyRow } from './rows.ts';
import { planRotation, signingKey } from './rotation.ts';

const hour = 3_600_000;
const day = 24 * hour;
const times = { rotation: 30 * day, lead: hour, overlap: day };
const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 300);

const row = (generation: number, active_at: number, retire_at: number | null = null): KeyRow => ({
  kid: `k${generation}`,
  purpose: 'token',
  generation,
  algorithm: 'ES256',
  public_jwk: null,
  private_key: '',
  sealed_by: null,
  created_at: 0,
  active_at,
  retire_at,
});

test('the next key is made its lead ahead, and takes over when the time of the one before is over', () => {
  const due = 30 * day;
  expect(planRotation([row(1, 0)], due - hour - 1, times)).toEqual({ successor: undefined, drop: [] });
  const successor = { generation: 2, activeAt: due };
  expect(planRotation([row(1, 0)], due - hour, times)).toEqual({ successor, drop: [] });
  expect(planRotation([row(1, 0, due), row(2, due)], due - 1, times)).toEqual({ successor: undefined, drop: [] });
});

test('made too late, it still has its lead', () => {
  const now = 400 * day;
  expect(planRotation([row(1, 0)], now, times).successor).toEqual({ generation: 2, activeAt: now + hour });
});

test('one that a clock which was ahead has made does not keep the next from being made', () => {
  const now = 40 * day;
  const rows = [row(1, 0, 400 * day), row(2, 400 * day)];
  expect(planRotation(rows, now, times)).toEqual({ successor: { generation: 3, activeAt: now + hour }, drop: [] });
  expect(planRotation([row(1, 0, now), row(2, now + 12 * hour)], now, times).successor).toBeUndefined();
});

test('a key goes when the overlap after its end is over, and the newest one never', () => {
  const rows = [row(2, 30 * day, null), row(1, 0, 30 * day)];
  expect(planRotation(rows, 31 * day - 1, times).drop).toEqual([]);
  expect(planRotation(rows, 31 * day, times).drop).toEqual(['k1']);
  expect(planRotation([row(1, 0, 5)], 100 * day, times).drop).toEqual([]);
  // One that nobody retired ends with the beginning of the newest.
  expect(planRotation([row(1, 0), row(2, 30 * day)], 31 * day, times).drop).toEqual(['k1']);
});

test('the last active key signs; before there is one, the first that will be', () => {
  const keys = [{ activeAt: 30 }, { activeAt: 20 }, { activeAt: 10 }];
  expect([5, 10, 19, 20, 29, 30, 99].map((now) => signingKey(keys, now).activeAt)).toEqual([
    10, 10, 10, 20, 20, 30, 30,
  ]);
});

test('however irregularly the job runs: what signs was known long enough, and what was signed is verified long enough', () => {
  const pauses = fc.array(fc.oneof(fc.integer({ min: 1, max: hour }), fc.integer({ min: 1, max: 90 * day })), {
    minLength: 1,
    maxLength: 60,
  });
  const settings = fc.record({
    rotation: fc.integer({ min: day, max: 40 * day }),
    lead: fc.integer({ min: 60_000, max: 12 * hour }),
    overlap: fc.integer({ min: hour, max: 90 * day }),
  });
  fc.assert(
    fc.property(pauses, settings, (waits, chosen) => {
      let now = 0;
      let rows: KeyRow[] = [row(1, 0)];
      /** When each key last signed, as far as anybody looked: at each step, and just before each hand-over. */
      const signed = new Map<string, number>();
      const made = new Map([['k1', Number.NEGATIVE_INFINITY]]);
      for (const wait of waits) {
        const looks = [
          ...rows.map(({ active_at }) => active_at - 1).filter((at) => at > now && at < now + wait),
          now + wait,
        ];
        for (const at of looks.toSorted((a, b) => a - b)) {
          const newestFirst = rows.map((one) => ({ ...one, activeAt: one.active_at })).toReversed();
          const { kid } = signingKey(newestFirst, at);
          expect(at - made.get(kid)!).toBeGreaterThanOrEqual(chosen.lead);
          signed.set(kid, at);
        }
        now += wait;
        const { successor, drop } = planRotation(rows, now, chosen);
        for (const kid of drop) expect(now - (signed.get(kid) ?? 0)).toBeGreaterThan(chosen.overlap);
        rows = rows.filter(({ kid }) => !drop.includes(kid));
        if (!successor) continue;
        rows.at(-1)!.retire_at = successor.activeAt;
        rows.push(row(successor.generation, successor.activeAt));
        made.set(`k${successor.generation}`, now);
        expect(planRotation(rows, now, chosen)).toEqual({ successor: undefined, drop: [] });
      }
    }),
    { numRuns },
  );
});
