import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { openTestDatabase, type TestDatabase, testDialect } from '../../test/support/database.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { sample, sampleMigrations } from '../../test/support/samples.ts';
import type { Database, Transaction } from './database.ts';
import { openPostgres } from './postgres.ts';

const settings = { kind: 'postgres', migrations: sampleMigrations, preparedStatements: true } as const;

const row = (tx: Transaction, name: string) => tx.selectFrom('samples').select('size').where('name', '=', name);
const grow = (tx: Transaction, name: string) =>
  tx.updateTable('samples').set({ size: (eb) => eb('size', '+', 1) }).where('name', '=', name).execute();

/** Resolves when `count` have come: both sides of a race hold what they need. */
function barrier(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  return async () => {
    if (--count === 0) resolve();
    await promise;
  };
}

describe.skipIf(testDialect() !== 'postgres')('PostgreSQL', () => {
  let db: TestDatabase;

  beforeAll(async () => {
    db = await openTestDatabase(sampleMigrations, { poolSize: 4, statementTimeoutMs: 10_000 });
  });
  afterAll(() => db[Symbol.asyncDispose]());
  beforeEach(async () => {
    await db.write((tx) => tx.deleteFrom('samples').execute());
    await db.write((tx) => tx.insertInto('samples').values([sample('a'), sample('b')]).execute());
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
    expect(attempts).toBe(3);
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
    await db.write((tx) => sql`ALTER DATABASE ${sql.id(new URL(urlOf(db)).pathname.slice(1))}
      SET default_transaction_isolation = 'serializable'`.execute(tx));
    const again = await openPostgres({ ...settings, url: urlOf(db), poolSize: 2, statementTimeoutMs: 1000 });
    const { rows } = await again.write((tx) => sql`SHOW transaction_isolation`.execute(tx));
    expect(rows).toEqual([{ transaction_isolation: 'read committed' }]);
    await again.write((tx) => sql`ALTER DATABASE ${sql.id(new URL(urlOf(db)).pathname.slice(1))}
      RESET default_transaction_isolation`.execute(tx));
    await again.close();
  });

  test('only a write that need not be durable commits asynchronously', async () => {
    const setting = (tx: Transaction) => sql`SHOW synchronous_commit`.execute(tx).then(({ rows }) => rows);
    expect(await db.write(setting)).toEqual([{ synchronous_commit: 'on' }]);
    expect(await db.write(setting, { durable: false })).toEqual([{ synchronous_commit: 'off' }]);
    for (let n = 0; n < 4; n++) expect(await db.write(setting)).toEqual([{ synchronous_commit: 'on' }]);
  });

  test('a server that answers before a commit is on disk is refused', async () => {
    const options = { ...settings, url: `${urlOf(db)}?options=-c%20synchronous_commit%3Doff`, statementTimeoutMs: 1000 };
    await expect(openPostgres({ ...options, poolSize: 1 })).rejects.toThrow('synchronous_commit');
  });

  test('more queries at once than connections are all answered, over no more connections than allowed', async () => {
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

  test('look-ups are prepared once for each connection, unless that is turned off', async () => {
    const prepared = `SELECT count(*) AS n FROM pg_prepared_statements WHERE statement LIKE '%looked_up%' AND name <> ''`;
    for (const [preparedStatements, expected] of [[true, 1], [false, 0]] as const) {
      const options = { ...settings, url: urlOf(db), poolSize: 1, statementTimeoutMs: 1000, preparedStatements };
      const one = await openPostgres(options);
      for (const name of ['a', 'b', 'a']) {
        expect(await one.all('SELECT name AS looked_up FROM samples WHERE name = ?', [name])).toEqual([{ looked_up: name }]);
      }
      const { rows } = await one.write((tx) => sql.raw(prepared).execute(tx));
      expect(rows).toEqual([{ n: expected }]);
      await one.close();
    }
  });

  test('a statement that takes too long is cancelled, and its connection goes on', async () => {
    const options = { ...settings, url: urlOf(db), poolSize: 1, statementTimeoutMs: 100 };
    const hurried = await openPostgres(options);
    await expect(hurried.first('SELECT pg_sleep(5)', [])).rejects.toMatchObject({ code: '57014' });
    await expect(hurried.write((tx) => sql`SELECT pg_sleep(5)`.execute(tx))).rejects.toMatchObject({ code: '57014' });
    expect(await hurried.first('SELECT 1 AS one', [])).toEqual({ one: 1 });
    await hurried.close();
  });
});

const urlOf = (db: TestDatabase) => (db.options as { url: string }).url;

describe.skipIf(testDialect() !== 'postgres')('when PostgreSQL is away', () => {
  const eventually = async (db: Database) => {
    for (const until = performance.now() + 5000; ; ) {
      try {
        return await db.ping();
      } catch (error) {
        if (performance.now() > until) throw error;
        await Bun.sleep(20);
      }
    }
  };

  test('what was under way fails, ping tells, and everything works again once it is back', async () => {
    const server = await startPostgres();
    const db = await openPostgres({ ...settings, url: server.url, poolSize: 4, statementTimeoutMs: 5000 });
    try {
      await db.write((tx) => tx.insertInto('samples').values(sample('kept')).execute());
      // Idle connections, a query, and a transaction that is under way.
      await Promise.all(Array.from({ length: 4 }, () => db.first('SELECT 1', [])));
      const query = db.first('SELECT pg_sleep(3)', []);
      const write = db.write(async (tx) => {
        await tx.insertInto('samples').values(sample('lost')).execute();
        await sql`SELECT pg_sleep(3)`.execute(tx);
      });
      const results = Promise.allSettled([query, write]);
      await Bun.sleep(100);
      await server.restart();
      expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      await eventually(db);
      expect(await db.all('SELECT name FROM samples', [])).toEqual([{ name: 'kept' }]);
      await db.write((tx) => tx.insertInto('samples').values(sample('after')).execute());

      await server.stop();
      await expect(db.ping()).rejects.toThrow();
      await expect(db.first('SELECT 1', [])).rejects.toThrow();
    } finally {
      await db.close();
      await server.stop();
    }
  }, 30_000);

  test('a server that vanishes in the middle of a query is given up, and its connection with it', async () => {
    await using fresh = await openTestDatabase(sampleMigrations);
    const cable = pluggable(new URL(urlOf(fresh)));
    const url = new URL(urlOf(fresh));
    url.port = `${cable.port}`;
    const options = { ...settings, url: url.href, poolSize: 1, statementTimeoutMs: 100, connectTimeoutMs: 500 };
    const db = await openPostgres(options);
    cable.unplug();
    const read = db.read.selectFrom('samples').select('name').execute();
    await expect(read).rejects.toThrow('timeout');
    await expect(db.ping()).rejects.toThrow(/timeout/);
    cable.plug();
    await eventually(db);
    expect(await db.read.selectFrom('samples').select('name').execute()).toEqual([]);
    await db.close();
    cable.close();
  }, 20_000);

  test('a server that takes the connection and says nothing is given up in bounded time', async () => {
    const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    const url = `postgres://bonded@127.0.0.1:${silent.port}/bonded`;
    const before = performance.now();
    const opening = openPostgres({ ...settings, url, poolSize: 1, statementTimeoutMs: 1000, connectTimeoutMs: 200 });
    await expect(opening).rejects.toThrow(/timeout/);
    expect(performance.now() - before).toBeLessThan(2000);
    silent.stop(true);
  });
});

/** A network cable to a server. Unplugged it loses everything, and nobody is told. */
function pluggable(server: URL) {
  let plugged = true;
  type Ends = { upstream?: Promise<Bun.Socket<undefined>> };
  const listener = Bun.listen<Ends>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open(socket) {
        socket.data = {
          upstream: Bun.connect({
            hostname: server.hostname,
            port: Number(server.port),
            socket: {
              data: (_, bytes) => void (plugged && socket.write(bytes)),
              close: () => void (plugged && socket.end()),
            },
          }),
        };
      },
      data: (socket, bytes) => void (plugged && socket.data.upstream?.then((upstream) => upstream.write(bytes))),
      close: (socket) => void socket.data.upstream?.then((upstream) => upstream.end()),
    },
  });
  return {
    port: listener.port,
    unplug: () => (plugged = false),
    plug: () => (plugged = true),
    close: () => listener.stop(true),
  };
}
