import { afterEach, beforeEach, expect, test } from 'bun:test';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { tierType } from '../contract.ts';
import { tierMigrations } from '../tables.ts';
import { createThrottle } from '../throttle.ts';
import { type Buckets, createBuckets } from './buckets.ts';

let db: TestDatabase;
beforeEach(async () => {
  db = await openTestDatabase(tierMigrations);
});
afterEach(() => db[Symbol.asyncDispose]());

let processes = 0;
const open = (database: Parameters<typeof createBuckets>[0]['db'] = db, failed: (error: unknown) => void = () => {}) =>
  createBuckets({ db: database, holder: `process-${++processes}`, now: Date.now, failed });

const key = { registryId: 1, name: 'dataplaneRead', subject: '' };
const shapeOf = (perMinute: number) => ({ capacity: perMinute, perMs: perMinute / 60_000 });

async function spend(buckets: Buckets, perMinute: number, times: number): Promise<number> {
  const bucket = buckets.at(key, shapeOf(perMinute));
  let passed = 0;
  for (let n = 0; n < times; n++) {
    while (!bucket.has(1)) if (!(await bucket.ask())) return passed;
    bucket.spend(1);
    passed++;
  }
  return passed;
}

/** Spends what there is; nothing but the end of a bucket ends it. */
async function drain(buckets: Buckets, perMinute: number): Promise<number> {
  let passed = 0;
  for (let empty = 0; empty < 3; empty++) {
    passed += await spend(buckets, perMinute, Infinity);
    await Bun.sleep(120);
  }
  return passed;
}

test.each([
  ['one alone', [1, 0]],
  ['two alike', [1, 1]],
  ['three of which one asks ten times as much', [1, 0.1, 0.1]],
])(
  'processes together spend what a bucket holds, within 10 %%: %s',
  async (_, shares) => {
    const perMinute = 3000;
    const began = performance.now();
    const spent = await Promise.all(
      shares.map(async (share) => {
        const buckets = open();
        if (share === 0) return spend(buckets, perMinute, 1);
        return share === 1 ? drain(buckets, perMinute) : spend(buckets, perMinute, share * perMinute);
      }),
    );
    const total = spent.reduce((sum, passed) => sum + passed, 0);
    const allowed = perMinute + ((performance.now() - began) * perMinute) / 60_000;
    expect(total).toBeWithin(perMinute * 0.9, allowed * 1.1);
  },
  60_000,
);

test('who finds a bucket empty is to come again when there is something, and no later', async () => {
  const fillsMs = 4000;
  const bucket = open().at(key, { capacity: 1, perMs: 1 / fillsMs });
  const began = performance.now();
  expect(await bucket.ask()).toBe(true);
  bucket.spend(1);
  await Bun.sleep(2000);
  const asked = performance.now();
  if (!(await bucket.ask())) expect(bucket.waitMs()).toBeLessThanOrEqual(fillsMs - (asked - began) + 200);
  while (!bucket.has(1)) if (!(await bucket.ask())) await Bun.sleep(bucket.waitMs());
  expect(performance.now() - began).toBeGreaterThan(fillsMs - 100);
});

test('who comes back just when an idle slice was handed in is not refused', async () => {
  const buckets = open();
  const stop = buckets.follow();
  const bucket = buckets.at(key, { capacity: 400, perMs: 0.001 });
  expect(await bucket.ask()).toBe(true);
  bucket.spend(1);
  const isHandedIn = async () => {
    const row = await db.first<{ state: string }>('SELECT state FROM rate_buckets', []);
    return Object.keys((JSON.parse(row!.state) as { slices: object }).slices).length === 0;
  };
  for (const end = performance.now() + 45_000; !(await isHandedIn()); await Bun.sleep(5)) {
    expect(performance.now()).toBeLessThan(end);
  }
  // Its answer may be on its way.
  await Bun.sleep(30);
  expect(bucket.has(1) || (await bucket.ask())).toBe(true);
  expect(bucket.has(1)).toBe(true);
  await stop();
});

test('a slice is spent without a statement', async () => {
  let writes = 0;
  const counted = { ...db, write: ((action, options) => (writes++, db.write(action, options))) as typeof db.write };
  expect(await spend(open(counted), 10_000, 2000)).toBe(2000);
  expect(writes).toBeLessThan(100);
});

test('a process that ends hands in what it holds; one that is killed has it lapse', async () => {
  const perMinute = 40;
  const ending = open();
  const stop = ending.follow();
  expect(await spend(ending, perMinute, 1)).toBe(1);
  await stop();
  const row = await db.first<{ state: string }>('SELECT state FROM rate_buckets', []);
  const state = JSON.parse(row!.state) as { tokens: number; slices: object };
  expect(state.slices).toEqual({});
  expect(state.tokens).toBeWithin(39, 40.1);
});

test('a caller with an odd name draws from a bucket of its own, and spoils no other', async () => {
  const told: unknown[] = [];
  const buckets = open(db, (error) => told.push(error));
  const throttle = createThrottle({ buckets, refused() {}, waited() {} });
  const rates = { dataplaneRead: { registry: -1, identity: 5 } };
  const tier = { ...tierType.properties.parse({ rates }), name: 'Odd', hasRates: true, hasTransferLimits: false };
  const ask = async (identity: string) => throttle.count({ tier, registryId: 1, category: 'dataplaneRead', identity });
  for (const identity of ['a\0b', '\ud800', 'x'.repeat(5000), 'x'.repeat(5001)]) {
    for (let n = 0; n < 5; n++) await ask(identity);
    await expect(ask(identity)).rejects.toMatchObject({ code: 'TOOMANYREQUESTS' });
  }
  expect(told).toEqual([]);
});

test('a database that does not answer keeps nobody out', async () => {
  const told: unknown[] = [];
  const away = { ...db, write: (() => Promise.reject(new Error('away'))) as typeof db.write };
  expect(
    await spend(
      open(away, (error) => told.push(error)),
      10,
      50,
    ),
  ).toBe(50);
  expect(told.length).toBe(1);
});

test('a clock that was a year ahead stops no bucket, and keeps no place of a process that was killed', async () => {
  const bucket = open().at(key, { capacity: 1, perMs: 0.01 });
  expect(await bucket.ask()).toBe(true);
  bucket.spend(1);
  const places = { ...key, name: 'transfers' };
  const take = () =>
    open()
      .permits(places, () => 1)
      .take(8000, new AbortController().signal);
  expect(await take()).toBeFunction();
  const year = 365 * 24 * 3_600_000;
  for (const row of await db.all<{ name: string; state: string }>('SELECT name, state FROM rate_buckets', [])) {
    const state = JSON.parse(row.state) as { at: number; slices: Record<string, number[]> };
    state.at += year;
    for (const slice of Object.values(state.slices)) slice[1]! += year;
    await db.write(async (tx) =>
      tx.send('UPDATE rate_buckets SET state = ? WHERE name = ?', [JSON.stringify(state), row.name]),
    );
  }
  for (const end = performance.now() + 10_000; !bucket.has(1); await Bun.sleep(20)) {
    await bucket.ask();
    expect(performance.now()).toBeLessThan(end);
  }
  expect(await take()).toBeFunction();
}, 60_000);

test('buckets that are full again are forgotten', async () => {
  await spend(open(), 10, 1);
  const names = () => db.all('SELECT name FROM rate_buckets', []);
  // A node whose clock is ahead forgets none that is in use: all nodes go by that of the database.
  const ahead = createBuckets({ db, holder: 'ahead', now: () => Date.now() + 3_600_000, failed: () => {} });
  if (db.dialect === 'postgres') {
    expect(await ahead.forget()).toBe(false);
    expect(await names()).toHaveLength(1);
    await db.write(async (tx) => tx.send('UPDATE rate_buckets SET forget_at = forget_at - 3600000', []));
  }
  expect(await ahead.forget()).toBe(false);
  expect(await names()).toEqual([]);
});
