import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { openTestDatabase, type TestDatabase, testDialect } from '../../test/support/database.ts';
import { sample, sampleMigrations } from '../../test/support/samples.ts';
import type { Migration, Transaction } from './database.ts';
import { openPostgres } from './postgres.ts';

const settings = { kind: 'postgres', migrations: sampleMigrations, preparedStatements: true } as const;

const row = (tx: Transaction, name: string) => tx.selectFrom('samples').select('size').where('name', '=', name);
const grow = (tx: Transaction, name: string) =>
  tx
    .updateTable('samples')
    .set({ size: (eb) => eb('size', '+', 1) })
    .where('name', '=', name)
    .execute();

const urlOf = (db: TestDatabase) => (db.options as { url: string }).url;

/** Resolves when `count` have come: both sides of a race hold what they need. */
function barrier(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  return async () => {
    if (--count === 0) resolve();
    await promise;
  };
}

// Where the tests run on SQLite there is nothing to skip: these belong to the other run.
if (testDialect() === 'postgres') describe('on PostgreSQL', suite);

function suite(): void {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await openTestDatabase(sampleMigrations, { poolSize: 4, statementTimeoutMs: 10_000 });
  });
  afterAll(() => db[Symbol.asyncDispose]());
  beforeEach(async () => {
    await db.write((tx) => tx.deleteFrom('samples').execute());
    await db.write((tx) =>
      tx
        .insertInto('samples')
        .values([sample('a'), sample('b')])
        .execute(),
    );
  });

  test('a deadlock is resolved by repeating the transaction that lost', async () => {
    let attempts = 0;
    const both = barrier(2);
    const swap = (first: string, second: string) =>
      db.write(async (tx) => {
        attempts++;
        await grow(tx, first);
        if (attempts <= 2) await both();
        await grow(tx, second);
      });
    await Promise.all([swap('a', 'b'), swap('b', 'a')]);
    // On a busy machine the one that lost may be back before the other has gone on.
    expect(attempts).toBeGreaterThanOrEqual(3);
    expect(await db.all('SELECT size FROM samples', [])).toEqual([{ size: 2 }, { size: 2 }]);
  });

  test('a serialization failure is repeated five times, then reported; nothing else is repeated', async () => {
    const attemptsOf = async (code: string) => {
      let attempts = 0;
      const write = db.write(async (tx) => {
        attempts++;
        await grow(tx, 'a');
        await sql.raw(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${code}'; END $$`).execute(tx);
      });
      await expect(write).rejects.toMatchObject({ code });
      return attempts;
    };
    expect(await attemptsOf('40001')).toBe(6);
    expect(await attemptsOf('23505')).toBe(1);
    expect(await db.first('SELECT sum(size) AS sum FROM samples', [])).toEqual({ sum: 0 });
  });

  test('shared locks admit each other and keep writers out', async () => {
    const both = barrier(2);
    let freed = false;
    const share = () =>
      db.write(async (tx) => {
        await db.forShare(row(tx, 'a')).execute();
        // Resolves only if the other one gets its lock while we have ours.
        await both();
        await Bun.sleep(100);
        freed = true;
      });
    const sharing = [share(), share()];
    await Bun.sleep(50);
    await db.write((tx) => grow(tx, 'a'));
    expect(freed).toBe(true);
    await Promise.all(sharing);
  });

  test('transactions run at READ COMMITTED, whatever the default of the database', async () => {
    await db.write((tx) =>
      sql`ALTER DATABASE ${sql.id(new URL(urlOf(db)).pathname.slice(1))}
      SET default_transaction_isolation = 'serializable'`.execute(tx),
    );
    const again = await openPostgres({ ...settings, url: urlOf(db), poolSize: 2, statementTimeoutMs: 1000 });
    const { rows } = await again.write((tx) => sql`SHOW transaction_isolation`.execute(tx));
    expect(rows).toEqual([{ transaction_isolation: 'read committed' }]);
    await again.write((tx) =>
      sql`ALTER DATABASE ${sql.id(new URL(urlOf(db)).pathname.slice(1))}
      RESET default_transaction_isolation`.execute(tx),
    );
    await again.close();
  });

  test('only a write that need not be durable commits asynchronously', async () => {
    const setting = (tx: Transaction) => sql`SHOW synchronous_commit`.execute(tx).then(({ rows }) => rows);
    expect(await db.write(setting)).toEqual([{ synchronous_commit: 'on' }]);
    expect(await db.write(setting, { durable: false })).toEqual([{ synchronous_commit: 'off' }]);
    for (let n = 0; n < 4; n++) expect(await db.write(setting)).toEqual([{ synchronous_commit: 'on' }]);
  });

  test('a server that answers before a commit is on disk is refused', async () => {
    const options = {
      ...settings,
      url: `${urlOf(db)}?options=-c%20synchronous_commit%3Doff`,
      statementTimeoutMs: 1000,
    };
    await expect(openPostgres({ ...options, poolSize: 1 })).rejects.toThrow('synchronous_commit');
  });

  test('lesson 62: more queries at once than connections are all answered, over no more connections than allowed', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => db.first('SELECT ? + 0 AS n', [n])));
    expect(answers).toEqual(Array.from({ length: 200 }, (_, n) => ({ n })));
    const writes = Array.from({ length: 50 }, () => db.write((tx) => grow(tx, 'a')));
    await Promise.all(writes);
    const used = await db.first<{ n: number }>(
      `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bonded'`,
      [],
    );
    expect(used!.n).toBeLessThanOrEqual(4);
    expect(await db.first(`SELECT size FROM samples WHERE name = 'a'`, [])).toEqual({ size: 50 });
  });

  test('statements are prepared once for each connection, unless that is turned off', async () => {
    const prepared = `SELECT count(*) AS n FROM pg_prepared_statements
      WHERE statement LIKE '%looked_up%' AND statement NOT LIKE '%count(*)%' AND name <> ''`;
    for (const [preparedStatements, expected] of [
      [true, 2],
      [false, 0],
    ] as const) {
      const options = { ...settings, url: urlOf(db), poolSize: 1, statementTimeoutMs: 1000, preparedStatements };
      const one = await openPostgres(options);
      for (const name of ['a', 'b', 'a']) {
        expect(await one.all('SELECT name AS looked_up FROM samples WHERE name = ?', [name])).toEqual([
          { looked_up: name },
        ]);
        await one.write((tx) => tx.run('UPDATE samples SET size = 0 WHERE name = ? /* looked_up */', [name]));
      }
      const { rows } = await one.write((tx) => sql.raw(prepared).execute(tx));
      expect(rows).toEqual([{ n: expected }]);
      await one.close();
    }
  });

  test('a migration that waits for a dump keeps nobody from reading for long, and is applied when it is over', async () => {
    const options = { ...settings, url: urlOf(db), poolSize: 2, statementTimeoutMs: 20_000 };
    const migration: Migration = {
      name: '9999-locks',
      up: async (tx) => void (await sql`ALTER TABLE samples ADD COLUMN added INT`.execute(tx)),
    };
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const dumping = db.write(async (tx) => {
      await sql`LOCK TABLE samples IN ACCESS SHARE MODE`.execute(tx);
      await over;
    });
    const opening = openPostgres({ ...options, migrations: [...sampleMigrations, migration] });
    let longest = 0;
    for (const until = performance.now() + 4500; performance.now() < until; await Bun.sleep(50)) {
      const began = performance.now();
      await db.first('SELECT name FROM samples WHERE name = ?', ['a']);
      longest = Math.max(longest, performance.now() - began);
    }
    end();
    await dumping;
    const opened = await opening;
    expect(await opened.all('SELECT name, added FROM samples WHERE name = ?', ['a'])).toEqual([
      { name: 'a', added: null },
    ]);
    // It waits for a second, on a machine that may be busy.
    expect(longest).toBeLessThan(4000);
    await opened.write((tx) => sql`ALTER TABLE samples DROP COLUMN added`.execute(tx));
    await opened.write((tx) => sql`DELETE FROM migrations WHERE name = '9999-locks'`.execute(tx));
    await opened.close();
  });

  test('a migration may take longer than a statement, here and where another server waits for it', async () => {
    const slow: Migration = {
      name: '9999-slow',
      // Longer than we wait for the answer to any other statement.
      up: async (tx) => void (await sql`SELECT pg_sleep(6)`.execute(tx)),
    };
    const options = { ...settings, url: urlOf(db), poolSize: 1, statementTimeoutMs: 100 };
    const migrations = [...sampleMigrations, slow];
    const servers = await Promise.all([1, 2].map(() => openPostgres({ ...options, migrations })));
    const applied = await servers[1]!.all(`SELECT name FROM migrations WHERE name = '9999-slow'`, []);
    expect(applied).toHaveLength(1);
    for (const server of servers) await server.close();
    await db.write((tx) => sql`DELETE FROM migrations WHERE name = '9999-slow'`.execute(tx));
  });

  test('a statement that takes too long is cancelled, and its connection goes on', async () => {
    const options = { ...settings, url: urlOf(db), poolSize: 1, statementTimeoutMs: 100 };
    const hurried = await openPostgres(options);
    await expect(hurried.first('SELECT pg_sleep(5)', [])).rejects.toMatchObject({ code: '57014' });
    await expect(hurried.write((tx) => sql`SELECT pg_sleep(5)`.execute(tx))).rejects.toMatchObject({ code: '57014' });
    expect(await hurried.first('SELECT 1 AS one', [])).toEqual({ one: 1 });
    await hurried.close();
  });
}
