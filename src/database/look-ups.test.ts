import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { openTestDatabase, type TestDatabase, testDialect } from '../../test/support/database.ts';
import { sample, sampleMigrations } from '../../test/support/samples.ts';

// Where the tests run on SQLite there is nothing to skip: these belong to the other run.
if (testDialect() === 'postgres') describe('look-ups on PostgreSQL', suite);

function suite(): void {
  /** Half of its connections are for look-ups. */
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase(sampleMigrations, { poolSize: 4, statementTimeoutMs: 30_000 });
  });
  afterAll(() => db[Symbol.asyncDispose]());

  const times = <T>(count: number, make: (n: number) => T) => Array.from({ length: count }, (_, n) => make(n));
  const sleep = (seconds: number) => db.first(`SELECT pg_sleep(${seconds})`, []);

  test('those of hundreds of requests are under way at the same time, and a write does not wait behind them', async () => {
    let done = 0;
    const looking = times(100, async (n) => {
      const row = await db.first<{ n: number }>('SELECT CAST(? AS INTEGER) AS n, pg_sleep(0.02)', [n]);
      done++;
      return row!.n;
    });
    await db.write((tx) => tx.insertInto('samples').values(sample('a')).execute());
    expect(done).toBeLessThan(50);
    expect(await Promise.all(looking)).toEqual(times(100, (n) => n));
  });

  test('one after the other, they need one connection', async () => {
    await using fresh = await openTestDatabase(sampleMigrations, { poolSize: 8 });
    for (let n = 0; n < 20; n++) await fresh.first('SELECT 1 AS one', []);
    const open = `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'`;
    let connections = Infinity;
    // The one that migrated may take a moment to go.
    for (const until = Date.now() + 45_000; connections > 1 && Date.now() < until; await Bun.sleep(20))
      connections = (await fresh.first<{ n: number }>(open, []))!.n;
    expect(connections).toBe(1);
  });

  test('one that fails does so alone', async () => {
    const results = await Promise.allSettled(
      times(20, (n) => db.first('SELECT 10 / CAST(? AS INTEGER) AS n', [n % 5])),
    );
    expect(results.map(({ status }) => status)).toEqual(times(20, (n) => (n % 5 === 0 ? 'rejected' : 'fulfilled')));
    const [failed] = results as [PromiseRejectedResult];
    expect(failed.reason).toMatchObject({ code: '22012' });
  });

  test('nobody waits behind those that are slow', async () => {
    let awake = 0;
    const slow = times(2, () => sleep(3).then(() => awake++));
    await Bun.sleep(1000);
    expect(await db.first('SELECT 1 AS one', [])).toEqual({ one: 1 });
    expect(awake).toBe(0);
    await Promise.all(slow);
  });

  test('a connection that ends fails what was sent over it, and those that come then have another', async () => {
    const asleep = times(6, () => sleep(20));
    const settled = Promise.allSettled(asleep);
    const end = `SELECT pg_terminate_backend(pid) AS ended FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;
    for (let ended = 0; ended < 2; await Bun.sleep(5)) ended += (await db.write((tx) => tx.all(end, []))).length;
    expect(new Set((await settled).map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(await Promise.all(times(6, () => db.first('SELECT 1 AS one', [])))).toEqual(times(6, () => ({ one: 1 })));
  });
}
