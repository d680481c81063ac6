import { describe, expect, test } from 'bun:test';
import { sql } from 'kysely';
import { openTestDatabase, testDialect } from '../../test/support/database.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { sample, sampleMigrations } from '../../test/support/samples.ts';
import type { Database } from './database.ts';
import { openPostgres } from './postgres.ts';

const settings = { kind: 'postgres', migrations: sampleMigrations, preparedStatements: true } as const;

// Where the tests run on SQLite there is nothing to skip: these belong to the other run.
if (testDialect() === 'postgres') describe('when PostgreSQL is away', suite);

function suite(): void {
  const eventually = async (db: Database) => {
    for (const until = performance.now() + 45_000; ;) {
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
    const db = await openPostgres({ ...settings, url: server.url, poolSize: 5, statementTimeoutMs: 60_000 });
    try {
      await db.write((tx) => tx.insertInto('samples').values(sample('kept')).execute());
      // Idle connections, a query, and a transaction that is under way.
      await Promise.all(Array.from({ length: 5 }, () => db.first('SELECT 1', [])));
      const query = db.first('SELECT pg_sleep(50)', []);
      const write = db.write(async (tx) => {
        await tx.insertInto('samples').values(sample('lost')).execute();
        await sql`SELECT pg_sleep(50)`.execute(tx);
      });
      const results = Promise.allSettled([query, write]);
      const asleep = `SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;
      while ((await db.first<{ n: number }>(asleep, []))!.n < 2) await Bun.sleep(5);
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
  });

  test('a server that vanishes in the middle of a query is given up, and its connection with it', async () => {
    await using fresh = await openTestDatabase(sampleMigrations);
    const url = new URL((fresh.options as { url: string }).url);
    const cable = pluggable(url.hostname, Number(url.port));
    url.port = `${cable.port}`;
    const options = { ...settings, url: url.href, poolSize: 1, statementTimeoutMs: 1000, connectTimeoutMs: 5000 };
    const db = await openPostgres(options);
    cable.unplug();
    const read = db.read.selectFrom('samples').select('name').execute();
    await expect(read).rejects.toThrow('timeout');
    await expect(read).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    cable.plug();
    // On the old connection this would wait for the answer that was lost.
    expect(await db.read.selectFrom('samples').select('name').execute()).toEqual([]);
    await db.close();
    cable.close();
  });

  test('whoever waits too long for a connection of ours gives up, with a code that says so', async () => {
    await using fresh = await openTestDatabase(sampleMigrations);
    const { url } = fresh.options as { url: string };
    const options = { ...settings, url, poolSize: 1, statementTimeoutMs: 20_000, connectTimeoutMs: 1000 };
    const db = await openPostgres(options);
    const busy = db.first('SELECT pg_sleep(5)', []);
    // Until it is seen to be slow, others would be sent behind it.
    await Bun.sleep(800);
    await expect(db.first('SELECT 1', [])).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await expect(db.read.selectFrom('samples').select('name').execute()).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await busy;
    await db.ping();
    await db.close();
  });

  test('a server that takes the connection and says nothing is given up in bounded time', async () => {
    const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    const url = `postgres://bonded@127.0.0.1:${silent.port}/bonded`;
    const before = performance.now();
    const opening = openPostgres({ ...settings, url, poolSize: 1, statementTimeoutMs: 1000, connectTimeoutMs: 200 });
    await expect(opening).rejects.toThrow(/timeout/);
    expect(performance.now() - before).toBeLessThan(10_000);
    silent.stop(true);
  });
}

/** A network cable to a server. Unplugged it loses everything, and nobody is told. */
function pluggable(hostname: string, port: number) {
  let plugged = true;
  type Ends = { upstream?: Promise<Bun.Socket> };
  const listener = Bun.listen<Ends>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open(socket) {
        socket.data = {
          upstream: Bun.connect({
            hostname,
            port,
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
