import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type BucketShape, type BucketState, exchangeSlice, fullBucket, sliceMs } from './exchange.ts';

const runs = Number(process.env['BONDED_TEST_RUNS'] ?? 200);

const step = fc.record({
  holder: fc.constantFrom('a', 'b', 'c'),
  waits: fc.nat(8000),
  want: fc.nat(20),
  /** How much of its slice it spends before: all of it, a part, or more than it has. */
  spends: fc.double({ min: 0, max: 1.3, noNaN: true }),
});
const shapes = fc.record({ capacity: fc.integer({ min: 1, max: 200 }), perMs: fc.constantFrom(0, 0.001, 0.02) });

interface Held {
  tokens: number;
  until: number;
}

test('no history of exchanges spends more than a bucket held, what filled, and what lapsed', () => {
  fc.assert(
    fc.property(shapes, fc.array(step, { maxLength: 60 }), (shape, history) => {
      let state: BucketState = fullBucket(shape, 0);
      let now = 0;
      let spent = 0;
      let lapsed = 0;
      let debts = 0;
      const held = new Map<string, Held>();
      for (const { holder, waits, want, spends } of history) {
        now += waits;
        const own = held.get(holder) ?? { tokens: 0, until: 0 };
        // A holder knows when its slice lapses.
        const live = own.until > now ? own.tokens : 0;
        if (own.until <= now) lapsed += own.tokens;
        const used = Math.floor(live * spends);
        spent += used;
        debts = Math.max(debts, used - live);
        const outcome = exchangeSlice(state, shape, { holder, rest: live - used, want, now });
        ({ state } = outcome);
        held.set(holder, { tokens: outcome.given.granted, until: now + sliceMs });
        const out = Object.values(state.slices).reduce((sum, [tokens]) => sum + tokens, 0);
        expect(out + state.tokens).toBeLessThanOrEqual(shape.capacity + 1e-6);
        expect(outcome.given.granted).toBeLessThanOrEqual(Math.max(0, want));
        expect(outcome.given.periodMs).toBeWithin(0, 60_001);
      }
      expect(spent).toBeLessThanOrEqual(shape.capacity + now * shape.perMs + lapsed + debts + 1e-6);
    }),
    { numRuns: runs },
  );
});

test('of what is held and never spent no more is in use than there is, and none is lost, whatever is edited or lapses', () => {
  const act = fc.record({
    holder: fc.constantFrom('a', 'b', 'c'),
    waits: fc.nat(3000),
    begins: fc.nat(4),
    ends: fc.nat(4),
    /** Another number of them, now and then. */
    edited: fc.option(fc.nat(6), { freq: 8 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(act, { maxLength: 80 }), (first, history) => {
      let capacity = first;
      let state: BucketState = fullBucket({ capacity, perMs: 0 }, 0);
      let now = 0;
      const all = new Map(['a', 'b', 'c'].map((name) => [name, { used: 0, held: 0, until: 0 }]));
      const inUse = () => [...all.values()].reduce((sum, { used }) => sum + used, 0);
      for (const { holder, waits, begins, ends, edited } of history) {
        now += waits;
        // What lapses with a process that is gone is not in use any more.
        for (const one of all.values()) if (one.until <= now) Object.assign(one, { used: 0, held: 0 });
        capacity = edited ?? capacity;
        const own = all.get(holder)!;
        own.used = Math.max(0, own.used - ends);
        const before = inUse();
        const want = own.used + begins;
        const offered = { holder, rest: own.held, want, turn: { used: own.used, waits: undefined }, now };
        const outcome = exchangeSlice(state, { capacity, perMs: 0 }, offered);
        ({ state } = outcome);
        own.held = outcome.given.granted;
        own.until = now + sliceMs;
        own.used = Math.max(own.used, Math.min(want, own.held));
        expect(inUse()).toBeLessThanOrEqual(Math.max(before, capacity));
      }
      // All of it comes back.
      const last = { holder: 'd', rest: 0, want: capacity, turn: { used: 0, waits: undefined }, now: now + sliceMs };
      expect(exchangeSlice(state, { capacity, perMs: 0 }, last).given.granted).toBe(capacity);
    }),
    { numRuns: runs },
  );
});

const shape: BucketShape = { capacity: 100, perMs: 0.01 };
const ask = (state: BucketState, holder: string, want: number, now: number, rest = 0) =>
  exchangeSlice(state, shape, { holder, want, now, rest });

test('what a process held that died goes back when its slice lapses, and no sooner', () => {
  const first = ask(fullBucket(shape, 0), 'dead', 60, 0);
  expect(first.given.granted).toBe(60);
  const second = ask(first.state, 'other', 100, 0);
  expect(second.given.granted).toBe(40);
  const early = ask(second.state, 'other', 100, sliceMs - 1, 0);
  // What filled since, and nothing of the dead one's.
  expect(early.given.granted).toBe(40);
  const late = ask(second.state, 'other', 100, sliceMs, 0);
  expect(late.given.granted).toBe(100);
});

test('what is handed in after it has lapsed counts once', () => {
  const { state } = ask(fullBucket(shape, 0), 'slow', 60, 0);
  const after = ask(state, 'other', 0, sliceMs);
  expect(after.given.left).toBe(100);
  const again = ask(after.state, 'slow', 0, sliceMs, 60);
  expect(again.given.left).toBe(100);
  const debt = ask(after.state, 'slow', 0, sliceMs, -5);
  expect(debt.given.left).toBe(95);
});

test('the throttling period begins when it is found empty, counts down for all, and ends', () => {
  const empty = ask(ask(fullBucket(shape, 0), 'a', 100, 0).state, 'a', 0, 0).state;
  const found = ask(empty, 'b', 1, 1);
  expect(found.given).toMatchObject({ granted: 0, periodMs: 10_000 });
  expect(ask(found.state, 'c', 1, 50).given).toMatchObject({ granted: 0, periodMs: 9951 });
  expect(ask(found.state, 'c', 1, 4000).given).toMatchObject({ granted: 1, periodMs: 6001 });
  expect(ask(found.state, 'c', 1, 12_000).given.periodMs).toBe(0);
});

test('a bucket is as full as it was when its tier is edited, and as empty', () => {
  const half = ask(ask(fullBucket(shape, 0), 'a', 50, 0).state, 'a', 0, 0).state;
  const edited = (state: BucketState, capacity: number, holder = 'b', rest = 0) =>
    exchangeSlice(state, { capacity, perMs: capacity / 60_000 }, { holder, rest, want: 500, now: 0 });
  expect(edited(half, 150).given.granted).toBe(75);
  expect(edited(half, 10).given.granted).toBe(5);
  // Who spends what was given out before is not refused until all of that has come in again by the lower rate.
  const held = ask(fullBucket(shape, 0), 'a', 60, 0).state;
  const lower = edited(edited(held, 1).state, 1, 'a', 0).state;
  expect(lower.tokens).toBeGreaterThanOrEqual(0);
  expect(edited(edited(held, 1).state, 1, 'a', 60).given.granted).toBe(1);
});

test.each([10, 400 * 24 * 3_600_000])('a clock that is set back by %d ms adds nothing, and stops nothing', (back) => {
  const then = 1_800_000_000_000;
  const held = ask(fullBucket(shape, then), 'dead', 60, then).state;
  const empty = ask(ask(held, 'other', 40, then).state, 'other', 1, then).state;
  const first = ask(empty, 'other', 100, then - back);
  expect(first.given).toMatchObject({ granted: 0, periodMs: 10_000 });
  // It fills, what the dead one held lapses, and the period ends.
  expect(ask(first.state, 'other', 100, then - back + 2020).given.granted).toBe(20);
  expect(ask(first.state, 'other', 100, then - back + sliceMs + 20).given.granted).toBe(100);
  const last = ask(first.state, 'other', 100, then - back + 11_000);
  expect(last.given.periodMs).toBe(0);
});
