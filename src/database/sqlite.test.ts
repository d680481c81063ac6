import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { Database as Sqlite } from 'bun:sqlite';
import { copyFileSync, existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sample, sampleMigrations } from '../../test/support/samples.ts';
import { createCheckpointer } from './checkpoint.ts';
import type { Database } from './database.ts';
import { openSqlite, type SqliteOptions } from './sqlite.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bonded-sqlite-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const path = (name = 'bonded') => join(directory, `${name}.db`);
const open = (options: Partial<SqliteOptions> = {}) =>
  openSqlite({ kind: 'sqlite', path: path(), migrations: sampleMigrations, ...options });

const insert = (db: Database, name: string, durable = true) =>
  db.write((tx) => tx.insertInto('samples').values(sample(name)).execute(), { durable });

const count = async (db: Database) => (await db.first<{ n: number }>('SELECT count(*) AS n FROM samples', []))!.n;

test('a database that was closed keeps its facts in one file, and is opened again', async () => {
  for (let opens = 1; opens <= 3; opens++) {
    const db = await open();
    await insert(db, `n${opens}`, false);
    expect(await count(db)).toBe(opens);
    // So that nothing of the connections stays open: each statement is finalized.
    await db.close();
    expect(existsSync(`${path()}-wal`)).toBe(false);
  }
});

test('a failed migration leaves no connection behind', async () => {
  await expect(open({ migrations: [{ name: 'x', up: () => Promise.reject(new Error('no')) }] })).rejects.toThrow('no');
  expect(existsSync(`${path()}-wal`)).toBe(false);
});

test('reads cannot write', async () => {
  const db = await open();
  await expect(db.read.deleteFrom('samples').execute()).rejects.toThrow('readonly');
  await expect(db.read.transaction().execute(async () => {})).rejects.toThrow('use Database.write');
  await db.close();
});

describe('after a power cut', () => {
  /** What is certainly on the disk when a sync begins: all that was written before. */
  const cut = () => {
    for (const suffix of ['', '-wal']) copyFileSync(path() + suffix, path('survivor') + suffix);
  };

  test('everything that was answered is there, and commits are lost from the end only', async () => {
    let cuts = 0;
    const db = await open({
      async sync(datasync) {
        cut();
        await datasync();
        cuts++;
      },
    });
    const answered = new Set<string>();
    let next = 0;
    for (let round = 0; round < 40; round++) {
      const writes = Array.from({ length: 5 }, async () => {
        const number = next++;
        const durable = number % 3 > 0;
        await insert(db, `n${number}`, durable);
        if (durable) answered.add(`n${number}`);
      });
      await Promise.race(writes);
      if (round % 4 > 0) await Promise.all(writes);
      const promised = [...answered];
      copyFileSync(path('survivor'), path('cut'));
      copyFileSync(`${path('survivor')}-wal`, `${path('cut')}-wal`);
      const survivor = new Sqlite(path('cut'));
      const names = survivor.query<{ name: string }, []>('SELECT name FROM samples ORDER BY id').all();
      survivor.close();
      const all = await db.all<{ name: string }>('SELECT name FROM samples ORDER BY id', []);
      expect(names).toEqual(all.slice(0, names.length));
      const survived = new Set(names.map(({ name }) => name));
      expect(promised.filter((name) => !survived.has(name))).toEqual([]);
      await rm(`${path('cut')}-wal`, { force: true });
    }
    expect(cuts).toBeGreaterThan(20);
    await db.close();
  });
});

describe('the log', () => {
  test('is copied and used again while others write, without stopping the event loop', async () => {
    const db = await open();
    let late = 0;
    let due = performance.now() + 1;
    const watch = setInterval(() => {
      late = Math.max(late, performance.now() - due);
      due = performance.now() + 1;
    }, 1);
    const padding = 'x'.repeat(3000);
    let written = 0;
    const writeOn = async () => {
      while (written < 40_000) {
        const row = { ...sample(`n${written++}`), data: padding };
        await db.write((tx) => tx.insertInto('samples').values(row).execute(), { durable: false });
      }
    };
    await Promise.all(Array.from({ length: 16 }, writeOn));
    clearInterval(watch);
    const { size } = await stat(`${path()}-wal`);
    console.log(`120 MB written, log ${Math.round(size / 1e6)} MB, event loop late by at most ${late.toFixed(1)} ms`);
    expect(size).toBeLessThan(100_000_000);
    expect((await stat(path())).size).toBeGreaterThan(60_000_000);
    await db.close();
    const raw = new Sqlite(path());
    expect(raw.query('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
    raw.close();
  });

  test('is copied by the writer where the thread cannot work', async () => {
    let inline = 0;
    const checkpointer = createCheckpointer(join(directory, 'missing', 'bonded.db'), {
      frames: () => 100_000,
      checkpoint: () => inline++,
      alone: (action) => action(),
      failed: (error) => expect(error).toBeUndefined(),
    });
    checkpointer.committed();
    while (inline === 0) await Bun.sleep(5);
    await checkpointer.close();
  });
});
