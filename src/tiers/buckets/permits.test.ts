import { afterEach, beforeEach, expect, test } from 'bun:test';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import type { Database } from '../../database/index.ts';
import { tierMigrations } from '../tables.ts';
import { type Buckets, createBuckets } from './buckets.ts';
import { type BucketState, sliceMs } from './exchange.ts';

let db: TestDatabase;
let stops: (() => Promise<void>)[] = [];
beforeEach(async () => {
  db = await openTestDatabase(tierMigrations);
});
afterEach(async () => {
  for (const stop of stops) await stop();
  stops = [];
  await db[Symbol.asyncDispose]();
});

const key = { registryId: 1, name: 'transfers', subject: '' };
const none = new AbortController().signal;
/** Long enough for whatever has to come about. */
const longMs = 20_000;

let processes = 0;
/** Buckets of one process, which renew what they hold unless it is as good as dead. */
function open({ database, follows = true }: { database?: Database; follows?: boolean } = {}): Buckets {
  const buckets = createBuckets({ db: database ?? db, holder: `process-${++processes}`, now: Date.now, failed() {} });
  if (follows) stops.push(buckets.follow());
  return buckets;
}

/** The permits of some processes, of which there are `most.now`. */
function share(count: number, most: { now: number }) {
  return Array.from({ length: count }, () => open().permits(key, () => most.now));
}

test('so many have a permit at once, whichever process they ask; those who wait have their turn', async () => {
  const [one, other] = share(2, { now: 3 });
  const held = [await one!.take(longMs, none), await one!.take(longMs, none), await other!.take(longMs, none)];
  expect(held.every(Boolean)).toBe(true);
  expect(await other!.take(300, none)).toBeUndefined();
  const fourth = other!.take(longMs, none);
  held[0]!();
  expect(await fourth).toBeDefined();
  const client = new AbortController();
  const gone = other!.take(longMs, client.signal);
  client.abort();
  expect(await gone).toBeUndefined();
});

test('a tier that is edited acts at once, on those who wait as well', async () => {
  const most = { now: 2 };
  const [permits] = share(1, most);
  const before = await Promise.all([permits!.take(longMs, none), permits!.take(longMs, none)]);
  for (const release of before) release!();
  most.now = 1;
  const release = await permits!.take(longMs, none);
  expect(release).toBeDefined();
  expect(await permits!.take(300, none)).toBeUndefined();
  const second = permits!.take(longMs, none);
  most.now = 2;
  expect(await second).toBeDefined();
  const others = Array.from({ length: 5 }, () => permits!.take(longMs, none));
  most.now = -1;
  expect((await Promise.all(others)).every(Boolean)).toBe(true);
});

test('a tier that is edited to allow less has those who use more come first, in whichever process', async () => {
  const most = { now: 4 };
  const [one, other] = share(2, most);
  const held = await Promise.all([one, one, other, other].map((permits) => permits!.take(longMs, none)));
  most.now = 2;
  held[2]!();
  held[3]!();
  expect(await other!.take(500, none)).toBeUndefined();
  held[0]!();
  expect(await other!.take(longMs, none)).toBeDefined();
});

test('what is taken while an exchange is under way is not given to another process', async () => {
  const gate = { closed: undefined as Promise<void> | undefined, reached: Promise.withResolvers<void>() };
  const slow = {
    ...db,
    write: (async (action, options) => {
      const written = await db.write(action, options);
      // The answer is on its way.
      if (gate.closed) gate.reached.resolve();
      await gate.closed;
      return written;
    }) as typeof db.write,
  };
  const one = open({ database: slow, follows: false });
  const other = open();
  const permits = one.permits(key, () => 2);
  const held = await Promise.all([permits.take(longMs, none), permits.take(longMs, none)]);
  for (const release of held) release!();
  const opened = Promise.withResolvers<void>();
  gate.closed = opened.promise;
  // It hands in what it does not use.
  const stop = one.follow();
  await gate.reached.promise;
  const late = [permits.take(longMs, none), permits.take(longMs, none)];
  const others = other.permits(key, () => 2);
  const taken = await Promise.all([others.take(longMs, none), others.take(longMs, none)]);
  expect(taken.every(Boolean)).toBe(true);
  let passed = 0;
  for (const release of late) void release.then(() => passed++);
  await Bun.sleep(300);
  expect(passed).toBe(0);
  gate.closed = undefined;
  opened.resolve();
  await Bun.sleep(300);
  expect(passed).toBe(0);
  for (const release of taken) release!();
  for (const release of await Promise.all(late)) release!();
  await stop();
});

test('what is held of a tier from before is not used while the exchange of the edited one is under way', async () => {
  const gate = { closed: undefined as Promise<void> | undefined, reached: Promise.withResolvers<void>() };
  const slow = {
    ...db,
    write: (async (action, options) => {
      if (gate.closed) gate.reached.resolve();
      await gate.closed;
      return db.write(action, options);
    }) as typeof db.write,
  };
  const most = { now: 3 };
  const one = open({ database: slow, follows: false });
  const permits = one.permits(key, () => most.now);
  const held = await Promise.all([1, 2, 3].map(() => permits.take(longMs, none)));
  most.now = 2;
  const opened = Promise.withResolvers<void>();
  gate.closed = opened.promise;
  const stop = one.follow();
  await gate.reached.promise;
  let passed = false;
  const waits = permits.take(longMs, none).then((release) => {
    passed = true;
    return release;
  });
  held[0]!();
  await Bun.sleep(100);
  expect(passed).toBe(false);
  gate.closed = undefined;
  opened.resolve();
  await Bun.sleep(500);
  expect(passed).toBe(false);
  held[1]!();
  expect(await waits).toBeDefined();
  await stop();
});

test('none is lost where the answer of an exchange was', async () => {
  const lost = { isAway: false };
  const flaky = {
    ...db,
    write: (async (action, options) => {
      const written = await db.write(action, options);
      if (lost.isAway) throw new Error('the connection broke after the commit');
      return written;
    }) as typeof db.write,
  };
  const one = open({ database: flaky }).permits(key, () => 4);
  const held = await Promise.all(Array.from({ length: 4 }, () => one.take(longMs, none)));
  lost.isAway = true;
  for (const release of held.slice(1)) release!();
  // Nobody is refused for want of the database.
  expect(await one.take(longMs, none)).toBeDefined();
  held[0]!();
  await Bun.sleep(1500);
  lost.isAway = false;
  const [other] = share(1, { now: 4 });
  const others = await Promise.all(Array.from({ length: 3 }, () => other!.take(longMs, none)));
  expect(others.every(Boolean)).toBe(true);
  expect(await other!.take(300, none)).toBeUndefined();
});

test('a process that dies gives its own back when they lapse, and no sooner', async () => {
  const dead = open({ follows: false }).permits(key, () => 2);
  const began = performance.now();
  await Promise.all([dead.take(longMs, none), dead.take(longMs, none)]);
  const [other] = share(1, { now: 2 });
  const taken = await Promise.all([other!.take(longMs, none), other!.take(longMs, none)]);
  expect(taken.every(Boolean)).toBe(true);
  expect(performance.now() - began).toBeGreaterThanOrEqual(sliceMs - 50);
});

test('who waits in one process is not kept waiting by those who keep coming in another', async () => {
  const [one, other] = share(2, { now: 1 });
  let over = false;
  let served = 0;
  // There is always somebody who waits there.
  const crowd = Array.from({ length: 10 }, async () => {
    while (!over) {
      const release = await one!.take(longMs, none);
      await Bun.sleep(20);
      release?.();
      served++;
    }
  });
  while (served < 10) await Bun.sleep(20);
  for (let n = 0; n < 3; n++) {
    const release = await other!.take(10_000, none);
    expect(release).toBeDefined();
    const before = served;
    release!();
    // And the others go on.
    while (served < before + 10) await Bun.sleep(20);
  }
  over = true;
  await Promise.all(crowd);
});

test('what is in use is not forgotten, however many others ask for something', async () => {
  const buckets = open();
  const permits = () => buckets.permits(key, () => 1);
  expect(await permits().take(longMs, none)).toBeDefined();
  const heldUntil = async () => {
    const row = await db.first<{ state: string }>("SELECT state FROM rate_buckets WHERE name = 'transfers'", []);
    return Object.values((JSON.parse(row!.state) as BucketState).slices)[0]![1];
  };
  // As many as are kept, three times.
  for (let n = 0; n < 60_000;) {
    const before = await heldUntil();
    for (const end = n + 15_000; n < end; n++) {
      buckets.at({ ...key, name: 'dataplaneRead', subject: `${n}` }, { capacity: 10, perMs: 1 });
    }
    for (const end = performance.now() + longMs; (await heldUntil()) === before; await Bun.sleep(20)) {
      expect(performance.now()).toBeLessThan(end);
    }
  }
  expect(await permits().take(300, none)).toBeUndefined();
}, 120_000);
