import { expect, test } from 'bun:test';
import { createMemoryKeeper } from './memory.ts';

const MiB = 1024 * 1024;

/** A keeper that is told the time and the memory of each look; says how often it has collected, and how often aside. */
function keeping({ needed }: { needed: number }) {
  const state = { needed, resident: 0, time: 0, now: 0, aside: 0 };
  const look = createMemoryKeeper({
    resident: () => state.resident * MiB,
    collect() {
      state.now++;
      state.resident = state.needed;
    },
    collectAside: () => void state.aside++,
    now: () => state.time,
  });
  const at = (seconds: number, megabytes: number) => {
    state.time = seconds * 1000;
    state.resident = megabytes;
    look();
    return state.now;
  };
  return { state, at };
}

test('garbage is collected where there is much and it grew, and not all the time', () => {
  const { state, at } = keeping({ needed: 90 });
  expect(at(0, 100)).toBe(0);
  expect(at(1, 135)).toBe(0);
  expect(at(2, 180)).toBe(1);
  expect(at(2.1, 190)).toBe(1);
  expect(at(3, 101)).toBe(1);
  expect(at(8, 190)).toBe(2);
  // What is needed is no garbage.
  state.needed = 300;
  expect(at(20, 300)).toBe(3);
  expect(at(30, 316)).toBe(3);
  expect(at(40, 325)).toBe(4);
  // Until nobody needs it any more: then nothing grows that would tell.
  state.needed = 80;
  expect(at(90, 300)).toBe(4);
  expect(at(101, 300)).toBe(5);
  expect(at(200, 80)).toBe(5);
  expect(state.aside).toBe(0);
});

test('where there is room, another thread collects, and at most once a second', () => {
  const { state, at } = keeping({ needed: 90 });
  const asideAt = (seconds: number, megabytes: number) => (at(seconds, megabytes), state.aside);
  expect(asideAt(0, 135)).toBe(0);
  expect(asideAt(1, 150)).toBe(1);
  expect(asideAt(1.9, 167)).toBe(1);
  expect(asideAt(2, 167)).toBe(2);
  // Until it does not get along, or nothing more has come.
  expect([asideAt(3.1, 169), state.now]).toEqual([2, 0]);
  expect([asideAt(3.2, 178), state.now]).toEqual([2, 1]);
  expect(asideAt(4, 140)).toBe(2);
  expect(asideAt(64, 140)).toBe(3);
  expect(asideAt(123, 141)).toBe(3);
  expect(state.now).toBe(1);
});

test('collecting takes a small part of the time, however long it takes', () => {
  let time = 0;
  let collections = 0;
  const look = createMemoryKeeper({
    resident: () => (500 + time / 10) * MiB,
    collect() {
      collections++;
      time += 200;
    },
    now: () => time,
  });
  for (; time < 100_000; time += 250) look();
  expect(collections).toBeGreaterThan(10);
  expect(collections * 200).toBeLessThan(100_000 * 0.07);
});

test('it takes the more of the time, the less room there is', () => {
  const partAt = (megabytes: number) => {
    let time = 0;
    let resident = megabytes;
    let collections = 0;
    const look = createMemoryKeeper({
      resident: () => resident * MiB,
      collect() {
        collections++;
        time += 100;
        resident = megabytes - 20;
      },
      now: () => time,
    });
    for (; time < 100_000; time += 100) {
      look();
      resident = megabytes;
    }
    return (collections * 100) / 100_000;
  };
  expect(partAt(140)).toBe(0);
  expect(partAt(168)).toBeWithin(0.08, 0.11);
  expect(partAt(200)).toBeWithin(0.12, 0.16);
});
