import { describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import type { Database } from '../database/index.ts';
import { equalBytes, type Keys, type KeysOptions, openKeys } from './keys.ts';
import { rotateTokenKeys } from './rotate.ts';
import { keyMigrations } from './tables.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** One database, a clock, and processes that work on both. */
async function openWorld() {
  const db = await openTestDatabase(keyMigrations);
  const clock = { ms: 1_800_000_000_000 };
  const times = { rotation: 30 * day, lead: hour, overlap: day, now: () => clock.ms };
  const open = (options: Partial<KeysOptions> = {}, on: Database = db) => openKeys(on, { ...times, ...options });
  return { db, clock, open, [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]() };
}

/** The same database, with every question counted. */
function counted(db: Database): { db: Database; count: () => number } {
  let count = 0;
  const all: Database['all'] = (sql, parameters) => {
    count++;
    return db.all(sql, parameters);
  };
  return { db: { ...db, all }, count: () => count };
}

const rowsOf = (db: TestDatabase) =>
  db.all<{ kid: string; purpose: string; private_key: string; sealed_by: string | null; retire_at: number | null }>(
    'SELECT kid, purpose, private_key, sealed_by, retire_at FROM signing_keys ORDER BY purpose, generation',
    [],
  );

const kidsOf = (keys: Keys) => keys.jwks().keys.map(({ kid }) => kid);
const reasonOf = (keys: Keys, token: string) => {
  const result = keys.verify(token);
  return result.ok ? 'verified' : result.reason;
};
const kidOf = (token: string) =>
  (JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as { kid: string }).kid;

describe('at the first start', () => {
  test('a key is made that signs at once, and is the same after a restart', async () => {
    await using world = await openWorld();
    const keys = await world.open();
    const token = keys.sign({ sub: 'a' }, { typ: 'at+jwt' });
    expect(keys.verify(token, { typ: 'at+jwt' })).toMatchObject({ ok: true, claims: { sub: 'a' } });
    const again = await world.open();
    expect(reasonOf(again, token)).toBe('verified');
    expect(kidsOf(again)).toEqual(kidsOf(keys));
    expect(again.hmac('x')).toEqual(keys.hmac('x'));
  });

  test('of many processes that start at once one makes the keys, and all have them', async () => {
    await using world = await openWorld();
    const all = await Promise.all(Array.from({ length: 8 }, () => world.open()));
    expect((await rowsOf(world.db)).map(({ purpose }) => purpose)).toEqual(['hmac', 'token']);
    for (const keys of all) {
      expect(all.every((other) => other.verify(keys.sign({})).ok)).toBe(true);
      expect(keys.hmac('x')).toEqual(all[0]!.hmac('x'));
    }
  });

  test('without a secret the keys are not sealed, and say so', async () => {
    await using world = await openWorld();
    expect((await world.open()).sealed).toBe(false);
    expect((await rowsOf(world.db)).every(({ sealed_by }) => sealed_by === null)).toBe(true);
  });
});

test('the JWKS has what a reader needs, and nothing of the private key; jose verifies with it', async () => {
  await using world = await openWorld();
  const keys = await world.open({ secret: randomBytes(32).toString('base64') });
  const [entry] = keys.jwks().keys;
  expect(Object.keys(entry!).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  expect(entry).toMatchObject({ use: 'sig', alg: 'ES256', kty: 'EC', crv: 'P-256' });
  expect(keys.jwks().keys).toHaveLength(1);
  const { payload } = await jwtVerify(keys.sign({ sub: 'a' }), createLocalJWKSet(keys.jwks()));
  expect(payload).toEqual({ sub: 'a' });
});

describe('rotation', () => {
  test('the next key is published, then signs; the former one verifies, then is gone', async () => {
    await using world = await openWorld();
    const keys = await world.open();
    const old = keys.sign({});
    world.clock.ms += 30 * day - hour - 1;
    expect(await keys.rotate()).toEqual({ made: undefined, dropped: [] });
    world.clock.ms += 1;
    const { made } = await keys.rotate();
    expect(kidsOf(keys)).toEqual([kidOf(old), made!]);
    expect(kidOf(keys.sign({}))).toBe(kidOf(old));
    world.clock.ms += hour - 1;
    const last = keys.sign({});
    expect(kidOf(last)).toBe(kidOf(old));
    world.clock.ms += 1;
    // Without asking the database again.
    expect(kidOf(keys.sign({}))).toBe(made!);
    world.clock.ms += day - 1;
    await keys.rotate();
    expect(reasonOf(keys, last)).toBe('verified');
    world.clock.ms += 1;
    expect(await keys.rotate()).toEqual({ made: undefined, dropped: [kidOf(old)] });
    expect(reasonOf(keys, last)).toBe('unknown-kid');
    expect(kidsOf(keys)).toEqual([made!]);
  });

  test('goes on once a clock that was ahead is right again, and what it has made goes', async () => {
    await using world = await openWorld();
    const keys = await world.open();
    const first = kidOf(keys.sign({}));
    world.clock.ms += 400 * day;
    const ahead = (await keys.rotate()).made!;
    world.clock.ms -= 370 * day;
    expect(kidOf(keys.sign({}))).toBe(first);
    const right = (await keys.rotate()).made!;
    expect(kidOf(keys.sign({}))).toBe(first);
    expect(await keys.rotate()).toEqual({ made: undefined, dropped: [] });
    world.clock.ms += hour;
    expect(kidOf(keys.sign({}))).toBe(right);
    world.clock.ms += day;
    expect((await keys.rotate()).dropped.toSorted()).toEqual([first, ahead].toSorted());
    expect(kidsOf(keys)).toEqual([right]);
  });

  test('of many processes that rotate at once one makes the next key, and all know it after a refresh', async () => {
    await using world = await openWorld();
    const all = await Promise.all(Array.from({ length: 6 }, () => world.open()));
    world.clock.ms += 30 * day;
    const rotated = await Promise.all([...all, ...all].map((keys) => keys.rotate()));
    expect(rotated.filter(({ made }) => made !== undefined)).toHaveLength(1);
    await Promise.all(all.map((keys) => keys.refresh()));
    for (const keys of all) expect(kidsOf(keys)).toEqual(kidsOf(all[0]!));
    expect(kidsOf(all[0]!)).toHaveLength(2);
    world.clock.ms += hour;
    expect(new Set(all.map((keys) => kidOf(keys.sign({})))).size).toBe(1);
    world.clock.ms += day;
    const dropped = (await Promise.all(all.map((keys) => keys.rotate()))).flatMap((one) => one.dropped);
    expect(dropped).toHaveLength(1);
  });

  test('the key of HMAC stays', async () => {
    await using world = await openWorld();
    const keys = await world.open();
    const mac = keys.hmac('x');
    for (let n = 0; n < 5; n++) {
      world.clock.ms += 30 * day;
      await keys.rotate();
    }
    await keys.replace({ drop: true });
    expect((await world.open()).hmac(Buffer.from('x'))).toEqual(mac);
  });
});

describe('an emergency', () => {
  test('replaces the key at once; what it signed is verified until it is dropped', async () => {
    await using world = await openWorld();
    const [here, there] = [await world.open(), await world.open()];
    const old = here.sign({});
    world.clock.ms += 30 * day - hour;
    await here.rotate();
    const kid = await here.replace({ drop: false });
    const fresh = here.sign({});
    expect([kidOf(fresh), kidsOf(here)]).toEqual([kid, [kidOf(old), kid]]);
    expect(reasonOf(here, old)).toBe('verified');
    // Another process learns of it by its tokens.
    expect(reasonOf(there, fresh)).toBe('unknown-kid');
    expect(await there.verifyOrReload(fresh)).toMatchObject({ ok: true });
    world.clock.ms += day;
    await there.rotate();
    expect(reasonOf(there, old)).toBe('unknown-kid');
  });

  test('that drops the former keys ends their tokens', async () => {
    await using world = await openWorld();
    const [here, there] = [await world.open(), await world.open()];
    const old = here.sign({});
    const kid = await here.replace({ drop: true });
    expect([reasonOf(here, old), kidsOf(here)]).toEqual(['unknown-kid', [kid]]);
    await there.refresh();
    expect(reasonOf(there, old)).toBe('unknown-kid');
    expect(kidOf(there.sign({}))).toBe(kid);
  });

  test('that others have overtaken twice meanwhile makes a newer key than theirs', async () => {
    await using world = await openWorld();
    const [here, there] = [await world.open(), await world.open()];
    const { promise: overtaken, resolve: goOn } = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    // It has read which key is the newest, and stands still before it writes.
    const slow: Database = {
      ...world.db,
      async write(action, options) {
        begun.resolve();
        await overtaken;
        return world.db.write(action, options);
      },
    };
    const last = (await world.open({}, slow)).replace({ drop: true });
    await begun.promise;
    for (const keys of [here, there]) await keys.replace({ drop: true });
    goOn();
    const kid = await last;
    const left = (await rowsOf(world.db)).filter(({ purpose }) => purpose === 'token');
    expect(left.map((row) => [row.kid, row.retire_at])).toEqual([[kid, null]]);
  });

  test('in several processes at once leaves one key that all agree on', async () => {
    await using world = await openWorld();
    const all = await Promise.all(Array.from({ length: 3 }, () => world.open()));
    world.clock.ms += 30 * day;
    await Promise.all([...all.map((keys) => keys.replace({ drop: true })), all[0]!.rotate()]);
    await Promise.all(all.map((keys) => keys.refresh()));
    world.clock.ms += hour;
    expect(new Set(all.map((keys) => kidOf(keys.sign({})))).size).toBe(1);
    expect((await rowsOf(world.db)).filter((row) => row.purpose === 'token' && row.retire_at === null)).toHaveLength(1);
  });
});

test('a next key whose predecessor was dropped meanwhile is not made', async () => {
  await using world = await openWorld();
  const keys = await world.open();
  world.clock.ms += 30 * day;
  // Another process replaces the keys twice between what this one reads and what it writes.
  let late = true;
  const all: Database['all'] = async (sql, parameters) => {
    const rows = await world.db.all<never>(sql, parameters);
    for (; late; late = false) for (let n = 0; n < 2; n++) await keys.replace({ drop: true });
    return rows;
  };
  const times = { rotation: 30 * day, lead: hour, overlap: day };
  const rotated = await rotateTokenKeys({ ...world.db, all }, world.clock.ms, times, undefined);
  expect(rotated.made).toBeUndefined();
  expect((await rowsOf(world.db)).map(({ kid }) => kid)).toContain(kidOf(keys.sign({})));
  expect(await rowsOf(world.db)).toHaveLength(2);
});

describe('unknown key ids', () => {
  test('a thousand of them, at once or one after the other, cost one query a second', async () => {
    await using world = await openWorld();
    const other = await openWorld();
    await using _ = other;
    const stranger = (await other.open()).sign({});
    const { db, count } = counted(world.db);
    const keys = await world.open({}, db);
    const before = count();
    world.clock.ms += 1000;
    const results = await Promise.all(Array.from({ length: 1000 }, () => keys.verifyOrReload(stranger)));
    expect(results.every((result) => !result.ok && result.reason === 'unknown-kid')).toBe(true);
    expect(count() - before).toBe(1);
    for (let n = 0; n < 1000; n++) {
      world.clock.ms += 10;
      await keys.verifyOrReload(stranger);
    }
    expect(count() - before).toBe(11);
    // Neither does anything else that is wrong with a token.
    world.clock.ms += 1000;
    for (const token of ['', 'a.b.c', `${keys.sign({})}x`, keys.sign({}).slice(0, -2)])
      await keys.verifyOrReload(token);
    expect(count() - before).toBe(11);
  });

  test('a database that is away is asked once a second, too, and answers again', async () => {
    await using world = await openWorld();
    const { db, count } = counted(world.db);
    let away = true;
    const all: Database['all'] = async (sql, parameters) => {
      const rows = await db.all<never>(sql, parameters);
      if (away && count() > 2) throw new Error('away');
      return rows;
    };
    const keys = await world.open({}, { ...db, all });
    const before = count();
    world.clock.ms += 1000;
    const asked = await Promise.allSettled(Array.from({ length: 50 }, () => keys.reload()));
    expect(asked.every(({ status }) => status === 'rejected')).toBe(true);
    expect(await keys.reload()).toBe(false);
    expect(count() - before).toBe(1);
    away = false;
    world.clock.ms += 1000;
    expect(await keys.reload()).toBe(true);
    expect(keys.verify(keys.sign({})).ok).toBe(true);
  });

  test('a clock that was set back does not keep it from asking', async () => {
    await using world = await openWorld();
    const keys = await world.open();
    world.clock.ms -= day;
    expect(await keys.reload()).toBe(true);
  });
});

test('equal bytes are equal, and nothing else is', async () => {
  await using world = await openWorld();
  const keys = await world.open();
  expect(equalBytes(keys.hmac('token:a'), keys.hmac(Buffer.from('token:a')))).toBe(true);
  expect(keys.hmac('token:a')).toHaveLength(32);
  expect(equalBytes(keys.hmac('token:a'), keys.hmac('token:b'))).toBe(false);
  expect(equalBytes(keys.hmac('token:a'), keys.hmac('token:a').subarray(1))).toBe(false);
  expect(equalBytes(Buffer.alloc(0), Buffer.alloc(0))).toBe(true);
});
