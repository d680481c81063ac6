import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { Database as Sqlite } from 'bun:sqlite';
import { join } from 'node:path';
import { sql } from 'kysely';
import { openTestDatabase, type TestDatabase, testDialect } from '../../test/support/database.ts';
import type { Transaction } from '../database/index.ts';
import { appendEvent, consumeEvents, eventMigrations, readEvents, renumberEvents, start, trimEvents } from './index.ts';

let db: TestDatabase;

beforeEach(async () => {
  db = await openTestDatabase(eventMigrations);
});
afterEach(() => db[Symbol.asyncDispose]());

const append = async (tx: Transaction, n: number, at = n) =>
  appendEvent(tx, { registryId: 1, type: 'test.happened', data: { n }, at });

const publish = (n: number, at = n) => db.write((tx) => append(tx, n, at));

async function consumeAll(subscriber: string, limit = 100): Promise<number[]> {
  const seen: number[] = [];
  const handle = async ({ data }: { data: Record<string, unknown> }) => void seen.push(data['n'] as number);
  while ((await consumeEvents(db, subscriber, handle, limit)) > 0);
  return seen;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);

test('an event comes back as it was appended, and only if its transaction is committed', async () => {
  const event = { registryId: 7, type: 'tag.moved', data: { tag: 'é', nested: [1, { a: null }] }, at: Date.now() };
  await db.write(async (tx) => appendEvent(tx, event));
  const undone = db.write(async (tx) => {
    await append(tx, 1);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  const events = await readEvents(db, start, 10);
  expect(events).toEqual([{ ...event, xid: expect.any(Number), id: expect.any(Number) }]);
});

test('events are handed out only once they are durable', async () => {
  await publish(1);
  const failing = { ...db, settle: () => Promise.reject(new Error('the disk failed')) };
  await expect(readEvents(failing, start, 10)).rejects.toThrow('the disk failed');
  const [event] = await readEvents(db, start, 10);
  // Where there is nothing to hand out, nothing is waited for.
  expect(await readEvents(failing, event!, 10)).toEqual([]);
});

test('events are read in pages; each reader has its own place', async () => {
  for (const n of range(0, 25)) await publish(n);
  const pages: number[] = [];
  let seen = 0;
  for (let n = 1; n > 0; seen += n) pages.push((n = await consumeEvents(db, 'a', async () => {}, 10)));
  expect(pages).toEqual([10, 10, 5, 0]);
  expect(seen).toBe(25);
  expect(await consumeAll('b', 7)).toEqual(range(0, 25));
});

describe('a transaction that is open while a thousand later ones commit', () => {
  const later = range(1, 1001);

  async function onPostgres(): Promise<void> {
    const seen: number[] = [];
    const look = async () => seen.push(...(await consumeAll('reader')));
    const inside = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const appendMore = Promise.withResolvers<void>();
    const held = db.write(async (tx) => {
      await append(tx, 0);
      inside.resolve();
      await appendMore.promise;
      // Gets a higher id than the events that were committed meanwhile.
      await append(tx, 0.5, 0);
      await finish.promise;
    });
    await inside.promise;
    await publishAll(later.slice(0, 500));
    await look();
    appendMore.resolve();
    await publishAll(later.slice(500));
    await look();
    expect(seen).toEqual([]);
    const { n } = (await db.first<{ n: number }>('SELECT count(*) AS n FROM events', []))!;
    expect(n).toBe(1000);
    finish.resolve();
    await held;
    await look();
    await look();
    expect(seen.slice(0, 2)).toEqual([0, 0.5]);
    expect(seen.slice(2).toSorted((a, b) => a - b)).toEqual(later);
    const ordered = (await readEvents(db, start, 2000)).map(({ data }) => data['n']);
    expect(ordered).toEqual(seen);
  }

  // SQLite has one writer, so nothing commits while another process has a transaction open; ids are commit-ordered.
  async function onSqlite(): Promise<void> {
    expect(await consumeAll('reader')).toEqual([]);
    const other = new Sqlite((db.options as { path: string }).path);
    other.run('BEGIN IMMEDIATE');
    other.run(`INSERT INTO events (registry_id, type, data, at) VALUES (1, 'test.happened', '{"n":0}', 0)`);
    let committed = 0;
    const writes = later.map((n) => publish(n).then(() => committed++));
    await Bun.sleep(200);
    const early = await consumeAll('reader');
    expect(committed).toBe(0);
    expect(early).toEqual([]);
    other.run('COMMIT');
    other.close();
    const seen: number[] = [];
    while (committed < 1000) {
      seen.push(...(await consumeAll('reader')));
      await Bun.sleep(1);
    }
    await Promise.all(writes);
    seen.push(...(await consumeAll('reader')));
    expect(seen).toEqual([0, ...later]);
  }

  test('has its event seen, once, and before theirs', testDialect() === 'postgres' ? onPostgres : onSqlite);

  const publishAll = async (numbers: number[]) => {
    let next = 0;
    const publishOn = async () => {
      while (next < numbers.length) await publish(numbers[next++]!);
    };
    await Promise.all([publishOn(), publishOn(), publishOn(), publishOn()]);
  };
});

test('a reader beside many writers sees every event once, and in the order of all other readers', async () => {
  const numbers = range(0, 400);
  let writing = true;
  const seen: number[] = [];
  const reader = (async () => {
    while (writing) {
      seen.push(...(await consumeAll('reader', 7)));
      await Bun.sleep(1);
    }
    seen.push(...(await consumeAll('reader', 7)));
  })();
  await Promise.all(
    numbers.map((n) =>
      db.write(async (tx) => {
        await append(tx, n);
        if (db.dialect === 'postgres' && n % 5 === 0) await sql`SELECT pg_sleep(0.005)`.execute(tx);
      }),
    ),
  );
  writing = false;
  await reader;
  expect(seen.toSorted((a, b) => a - b)).toEqual(numbers);
  expect(await consumeAll('another')).toEqual(seen);
});

describe('a consumer', () => {
  test('whose handler fails gets the page again, and no more than that', async () => {
    for (const n of range(0, 6)) await publish(n);
    const seen: number[] = [];
    let failing = true;
    const handle = async ({ data }: { data: Record<string, unknown> }) => {
      if (data['n'] === 4 && failing) throw new Error('cannot');
      seen.push(data['n'] as number);
    };
    expect(await consumeEvents(db, 'a', handle, 3)).toBe(3);
    await expect(consumeEvents(db, 'a', handle, 3)).rejects.toThrow('cannot');
    failing = false;
    expect(await consumeEvents(db, 'a', handle, 3)).toBe(3);
    expect(await consumeEvents(db, 'a', handle, 3)).toBe(0);
    expect(seen).toEqual([0, 1, 2, 3, 3, 4, 5]);
  });

  test('that is killed between handling and remembering it gets the page again', async () => {
    for (const n of range(0, 5)) await publish(n);
    const from = (path: string) => JSON.stringify(join(import.meta.dir, path));
    const program = `
      const { openDatabase } = await import(${from('../database/index.ts')});
      const { consumeEvents, eventMigrations } = await import(${from('index.ts')});
      const db = await openDatabase({ ...${JSON.stringify(db.options)}, migrations: eventMigrations });
      let left = 3;
      await consumeEvents(db, 'mailer', async ({ data }) => {
        require('node:fs').writeSync(1, data.n + ' ');
        if (--left === 0) process.kill(process.pid, 'SIGKILL');
      });`;
    const child = Bun.spawn([process.execPath, '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    expect(await new Response(child.stdout).text()).toBe('0 1 2 ');
    await child.exited;
    expect(child.signalCode).toBe('SIGKILL');
    expect(await consumeAll('mailer')).toEqual([0, 1, 2, 3, 4]);
    expect(await consumeAll('mailer')).toEqual([]);
  });

  test('that overlaps a faster one does not move the cursor back', async () => {
    for (const n of range(0, 4)) await publish(n);
    const gate = Promise.withResolvers<void>();
    const slow = consumeEvents(db, 'a', () => gate.promise, 2);
    await Bun.sleep(10);
    expect(await consumeAll('a')).toEqual([0, 1, 2, 3]);
    gate.resolve();
    await slow;
    expect(await consumeAll('a')).toEqual([]);
  });
});

describe('trimming', () => {
  test('keeps what the slowest subscriber has not seen, one that never got anywhere included', async () => {
    for (const n of range(0, 6)) await publish(n);
    await consumeAll('fast');
    await consumeEvents(db, 'slow', async () => {}, 4);
    await expect(consumeEvents(db, 'stuck', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await trimEvents(db, 100)).toBe(0);
    await consumeEvents(db, 'stuck', async () => {}, 2);
    expect(await trimEvents(db, 100)).toBe(2);
    expect(await consumeAll('slow')).toEqual([4, 5]);
    expect(await consumeAll('stuck')).toEqual([2, 3, 4, 5]);
    expect(await trimEvents(db, 100)).toBe(4);
    expect(await readEvents(db, start, 10)).toEqual([]);
  });

  test('looks at no more than it may take, and so at none behind the first ones that are young', async () => {
    for (const at of [50, 60, 1, 2]) await publish(at, at);
    expect(await trimEvents(db, 10, 2)).toBe(0);
    expect(await trimEvents(db, 10, 3)).toBe(1);
  });

  test('keeps what is young, takes the oldest first, and no more at once than asked', async () => {
    for (const n of range(0, 10)) await publish(n);
    expect(await trimEvents(db, 7, 5)).toBe(5);
    expect((await readEvents(db, start, 10)).map(({ data }) => data['n'])).toEqual(range(5, 10));
    expect(await trimEvents(db, 7, 5)).toBe(2);
    expect(await trimEvents(db, 7, 5)).toBe(0);
    await publish(10);
    expect(await consumeAll('new')).toEqual([7, 8, 9, 10]);
  });

  test('is kept from nothing by those that were written while a clock was ahead', async () => {
    const [now, year] = [2_000_000_000_000, 31_536_000_000];
    // Of a node whose clock is an hour ahead, and of one that was a year.
    for (const at of [now + year, now + year, now - 20, now - 10, now + 3_600_000]) await publish(at, at);
    expect(await trimEvents(db, now, 3, now)).toBe(3);
    expect(await trimEvents(db, now, 3, now)).toBe(1);
    expect(await trimEvents(db, now, 3, now)).toBe(0);
    expect((await readEvents(db, start, 10)).map(({ at }) => at)).toEqual([now + 3_600_000]);
  });
});

describe('a dump that was restored into another server', () => {
  /** As if all of it were of a server that had come so much further. */
  const further = 1_000_000_000;
  const restore = () =>
    db.write(async (tx) => {
      if (db.dialect === 'sqlite') return;
      for (const table of ['events', 'event_cursors']) await tx.run(`UPDATE ${table} SET xid = xid + ?`, [further]);
    });

  test('hides nothing from its subscribers: what they had not seen, and what happens from then on', async () => {
    for (const n of range(0, 6)) await publish(n);
    expect(await consumeAll('whole')).toEqual(range(0, 6));
    await consumeEvents(db, 'half', async () => {}, 3);
    await restore();
    // By a node that knows nothing of it.
    await publish(6);
    expect(await renumberEvents(db)).toBe(db.dialect === 'postgres');
    await publish(7);
    expect(await consumeAll('half')).toEqual([3, 4, 5, 6, 7]);
    expect(await consumeAll('whole')).toEqual([6, 7]);
    expect(await renumberEvents(db)).toBe(false);
    expect(await trimEvents(db, 100)).toBe(8);
    await restore();
    await renumberEvents(db);
    await publish(8);
    expect(await consumeAll('whole')).toEqual([8]);
  });

  test('whose ids are not in the order of its commits has none of them skipped', async () => {
    if (db.dialect === 'sqlite') return;
    const insert = (n: number, xid: number) =>
      db.write((tx) =>
        tx.run('INSERT INTO events (xid, registry_id, type, data, at) VALUES (?, 1, ?, ?, 0)', [
          further + xid,
          'test.happened',
          JSON.stringify({ n }),
        ]),
      );
    // The second was committed first, and is the only one that was seen.
    for (const [n, xid] of [9, 7, 11].entries()) await insert(n, xid);
    await db.write((tx) => tx.run('INSERT INTO event_cursors VALUES (?, ?, 2)', ['slow', further + 7]));
    expect(await renumberEvents(db)).toBe(true);
    expect(await consumeAll('slow')).toEqual([0, 1, 2]);
  });
});
