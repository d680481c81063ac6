import { expect, test } from 'bun:test';
import { createPace } from './pace.ts';

function paced() {
  const clock = { now: 1000, rested: 0 };
  const pace = createPace(
    () => clock.now,
    async (ms) => {
      clock.rested += ms;
    },
  );
  /** How long (ms) it rests in so many items. */
  const work = async (items: number) => {
    const before = clock.rested;
    for (let n = 0; n < items; n++) await pace.rest();
    return clock.rested - before;
  };
  return { clock, pace, work };
}

test('a few items go without a rest; of more, each is followed by one', async () => {
  const { pace, work } = paced();
  expect(await work(100)).toBe(0);
  expect(await work(50)).toBe(500);
  pace.done();
  expect(await work(100)).toBe(0);
});

test('work that does not come to an end rests less and less, and then no more', async () => {
  const { clock, pace, work } = paced();
  await work(100);
  const rests: number[] = [];
  for (let n = 0; n < 5; n++) {
    rests.push(await work(1));
    clock.now += 300_000;
  }
  expect(rests).toEqual([10, 5, 2.5, 1.25, 0]);
  pace.done();
  await work(100);
  expect(await work(1)).toBe(10);
});

test('work that is to stop does not rest', async () => {
  const { pace, work } = paced();
  await work(100);
  pace.hurry();
  expect(await work(100)).toBe(0);
});
