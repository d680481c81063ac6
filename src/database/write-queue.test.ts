import { describe, expect, test } from 'bun:test';
import { Database as Sqlite } from 'bun:sqlite';
import { sql } from 'kysely';
import { waitedForProcessor } from '../../test/support/processor.ts';
import { heldSyncs, isWaiting, openSample } from '../../test/support/sample-database.ts';
import { sample } from '../../test/support/samples.ts';
import type { Database, Transaction, WriteOptions } from './database.ts';
import { createWriteQueue } from './write-queue.ts';

// The queue exists for SQLite only, so these tests run on SQLite whatever the environment says.

const insert = (db: Database, name: string, options?: WriteOptions) =>
  db.write((tx) => tx.insertInto('samples').values(sample(name)).returning('id').executeTakeFirstOrThrow(), options);

const names = async (db: Database) =>
  (await db.all<{ name: string }>('SELECT name FROM samples ORDER BY id', [])).map(({ name }) => name);

/** Until reads see these; the time limit of the test bounds it. */
async function committed(db: Database, expected: string[]): Promise<void> {
  while ((await names(db)).join() !== expected.join()) await Bun.sleep(1);
}

describe('answers', () => {
  test('come after the sync, while reads see the commit before', async () => {
    const disk = heldSyncs();
    await using opened = await openSample(disk);
    const write = insert(opened.db, 'a');
    await committed(opened.db, ['a']);
    expect(await isWaiting(write)).toBe(true);
    disk.held.shift()!.done();
    await write;
  });

  test('of writes that come during a sync wait for the next one, and later batches are not held up', async () => {
    const disk = heldSyncs();
    await using opened = await openSample(disk);
    const first = insert(opened.db, 'a');
    await committed(opened.db, ['a']);
    const second = insert(opened.db, 'b');
    await committed(opened.db, ['a', 'b']);
    const third = insert(opened.db, 'c');
    await committed(opened.db, ['a', 'b', 'c']);
    expect(disk.held.length).toBe(1);
    disk.held.shift()!.done();
    await first;
    expect(await isWaiting(second)).toBe(true);
    expect(disk.held.length).toBe(1);
    disk.held.shift()!.done();
    await Promise.all([second, third]);
  });

  test('of a thousand writes at once share a few syncs', async () => {
    let syncs = 0;
    await using opened = await openSample({ sync: (datasync) => (syncs++, datasync()) });
    await Promise.all(Array.from({ length: 1000 }, (_, n) => insert(opened.db, `n${n}`)));
    expect((await names(opened.db)).length).toBe(1000);
    expect(syncs).toBeGreaterThan(0);
    expect(syncs).toBeLessThan(100);
  });

  test('of writes that need not be durable do not wait for the disk, nor cost a sync', async () => {
    const disk = heldSyncs();
    await using opened = await openSample(disk);
    const [durable, careless] = [insert(opened.db, 'a'), insert(opened.db, 'b', { durable: false })];
    await careless;
    expect(await isWaiting(durable)).toBe(true);
    expect(disk.held.length).toBe(1);
    // While that sync is under way as well.
    await insert(opened.db, 'c', { durable: false });
    disk.held.shift()!.done();
    await durable;
    expect(disk.held.length).toBe(0);
    expect(await names(opened.db)).toEqual(['a', 'b', 'c']);
  });

  test('settle waits until what reads see is durable', async () => {
    const disk = heldSyncs();
    await using opened = await openSample(disk);
    await insert(opened.db, 'a', { durable: false });
    const told = opened.db.settle();
    expect(await isWaiting(told)).toBe(true);
    disk.held.shift()!.done();
    await told;
  });
});

describe('what reads see', () => {
  test('is the same until something is committed, whatever becomes of it', async () => {
    await using opened = await openSample();
    const { db } = opened;
    const seen = [db.snapshot()];
    expect(seen[0]).toBeDefined();
    await names(db);
    expect(db.snapshot()).toBe(seen[0]);
    for (const write of [() => insert(db, 'a'), () => insert(db, 'b', { durable: false }), () => insert(db, 'a')]) {
      await write().catch(() => {});
      expect(seen).not.toContain(db.snapshot());
      seen.push(db.snapshot());
    }
    await names(db);
    expect(db.snapshot()).toBe(seen.at(-1));
  });

  test('is another one as soon as reads see a commit, though the disk has not answered', async () => {
    const disk = heldSyncs();
    await using opened = await openSample(disk);
    const before = opened.db.snapshot();
    const write = insert(opened.db, 'a');
    expect(opened.db.snapshot()).toBe(before);
    await committed(opened.db, ['a']);
    expect(opened.db.snapshot()).not.toBe(before);
    disk.held.shift()!.done();
    await write;
  });

  test('is nothing that one process can know where others write', async () => {
    await using opened = await openSample({ writeToken: { acquire: async () => () => {} } });
    expect(opened.db.snapshot()).toBeUndefined();
  });
});

describe('a write that fails', () => {
  test('is undone alone; the others of its batch hold', async () => {
    await using opened = await openSample();
    const { db } = opened;
    const half = db.write(async (tx) => {
      await tx.insertInto('samples').values(sample('half')).execute();
      throw new Error('changed its mind');
    });
    const results = await Promise.allSettled([insert(db, 'a'), half, insert(db, 'a'), insert(db, 'b')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(String((results[1] as PromiseRejectedResult).reason)).toContain('changed its mind');
    expect((results[2] as PromiseRejectedResult).reason.code).toBe('SQLITE_CONSTRAINT_UNIQUE');
    expect(await names(db)).toEqual(['a', 'b']);
  });

  test('at commit does not take the others of its batch with it', async () => {
    await using opened = await openSample();
    const { db } = opened;
    const orphan = () => db.write((tx) => tx.insertInto('sample_parts').values({ sample_id: 99 }).execute());
    const results = await Promise.allSettled([insert(db, 'a'), orphan(), insert(db, 'b'), insert(db, 'c')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason.code).toBe('SQLITE_CONSTRAINT_FOREIGNKEY');
    expect(await names(db)).toEqual(['a', 'b', 'c']);
    expect(await db.all('SELECT * FROM sample_parts', [])).toEqual([]);
    await insert(db, 'd');
  });

  test('on a full disk, which makes SQLite roll back by itself, does not take the others with it', async () => {
    await using opened = await openSample();
    const { db } = opened;
    const { pages } = (await db.first<{ pages: number }>('SELECT page_count AS pages FROM pragma_page_count', []))!;
    await db.write((tx) => sql.raw(`PRAGMA max_page_count = ${pages + 20}`).execute(tx));
    const large = () =>
      db.write((tx) => sql`INSERT INTO samples (name, content) VALUES ('large', zeroblob(1000000))`.execute(tx));
    const results = await Promise.allSettled([insert(db, 'a'), large(), insert(db, 'b')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason.code).toBe('SQLITE_FULL');
    expect(await names(db)).toEqual(['a', 'b']);
  });

  test('because it awaited something else is undone, and nobody waits for it', async () => {
    await using opened = await openSample();
    const { db } = opened;
    let late: unknown;
    const slow = db.write(async (tx) => {
      await tx.insertInto('samples').values(sample('slow')).execute();
      await Bun.sleep(50);
      late = await insertIn(tx, 'late').catch((error: unknown) => error);
    });
    const results = await Promise.allSettled([insert(db, 'a'), slow, insert(db, 'b')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(String((results[1] as PromiseRejectedResult).reason)).toContain('awaited something else');
    await Bun.sleep(100);
    expect(String(late)).toContain('has ended');
    expect(await names(db)).toEqual(['a', 'b']);
  });

  test('because it waited for another write is undone; the inner one holds', async () => {
    await using opened = await openSample();
    const { db } = opened;
    const outer = db.write(async (tx) => {
      await insertIn(tx, 'outer');
      await insert(db, 'inner');
    });
    await expect(outer).rejects.toThrow('awaited something else');
    await db.write(async () => {});
    expect(await names(db)).toEqual(['inner']);
  });
});

const insertIn = (tx: Transaction, name: string) => tx.insertInto('samples').values(sample(name)).execute();

describe('when the disk fails', () => {
  test('whoever waits for the sync is told, and nothing is written until a restart', async () => {
    const disk = heldSyncs();
    await using opened = await openSample(disk);
    const { db } = opened;
    const [first, second] = [insert(db, 'a'), Bun.sleep(10).then(() => insert(db, 'b'))];
    await Bun.sleep(20);
    disk.held.shift()!.fail(new Error('EIO'));
    // The second's own sync would succeed: Linux reports a lost page once.
    for (const result of await Promise.allSettled([first, second])) {
      expect(String((result as PromiseRejectedResult).reason)).toContain('could not be synced');
    }
    expect(disk.held.length).toBe(0);
    await expect(insert(db, 'c')).rejects.toThrow('could not be synced');
    await expect(db.ping()).rejects.toThrow('could not be synced');
    await expect(db.settle()).rejects.toThrow('could not be synced');
    expect(await names(db)).not.toContain('c');
  });
});

test('another program that has the file locked is waited for beside the event loop', async () => {
  await using opened = await openSample();
  const other = new Sqlite(opened.path);
  other.run('BEGIN IMMEDIATE');
  const write = insert(opened.db, 'a');
  let late = 0;
  for (let n = 0; n < 20; n++) {
    const [before, waited] = [performance.now(), waitedForProcessor()];
    await Bun.sleep(5);
    late = Math.max(late, performance.now() - before - 5 - (waitedForProcessor() - waited));
  }
  expect(await isWaiting(write)).toBe(true);
  expect(late).toBeLessThan(100);
  other.run('COMMIT');
  other.close();
  await write;
});

test('a disk that fails while a write waits for its turn fails that write, too', async () => {
  const turn = Promise.withResolvers<void>();
  let begun = 0;
  const connection = {
    begin: () => void begun++,
    commit() {},
    rollback() {},
    inTransaction: () => true,
    abandon() {},
  };
  const queue = createWriteQueue({ acquire: () => turn.promise.then(() => () => {}) }, connection, async () => {});
  const waiting = queue.push(async () => {}, true);
  await Bun.sleep(1);
  queue.fail(new Error('EIO'));
  turn.resolve();
  await expect(waiting).rejects.toThrow('EIO');
  expect(begun).toBe(0);
});

test('a token that cannot be had fails the writes that wait, not the queue', async () => {
  let gone = false;
  const acquire = async () => {
    if (gone) throw new Error('no token');
    return () => {};
  };
  await using opened = await openSample({ writeToken: { acquire } });
  gone = true;
  const results = await Promise.allSettled([insert(opened.db, 'a'), insert(opened.db, 'b')]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  gone = false;
  await insert(opened.db, 'c');
  expect(await names(opened.db)).toEqual(['c']);
});

test('closing waits for what was begun, and refuses what comes later', async () => {
  await using opened = await openSample();
  const write = insert(opened.db, 'a');
  const closing = opened.db.close();
  await expect(insert(opened.db, 'b')).rejects.toThrow('closed');
  await write;
  await closing;
  const raw = new Sqlite(opened.path);
  expect(raw.query('SELECT name FROM samples').all()).toEqual([{ name: 'a' }]);
  raw.close();
});
