import { expect, test } from 'bun:test';
import { sql } from 'kysely';
import { freshDatabaseOptions, testDialect } from '../../test/support/database.ts';
import { type Database, type Migration, openDatabase, replaceIndexes, run } from './index.ts';

const table: Migration = {
  name: '0001-table',
  up: (db) => run(db, ['CREATE TABLE a (id INTEGER, name TEXT)', 'CREATE INDEX a_sought ON a (id)']),
};
const replacing: Migration = { name: '0002-replace', ...replaceIndexes({ a_sought: 'a (name, id)' }) };

const indexes = (db: Database) =>
  db.all<{ name: string; definition: string }>(
    testDialect() === 'sqlite'
      ? `SELECT name, sql AS definition FROM sqlite_master WHERE type = 'index' AND tbl_name = 'a'`
      : `SELECT indexname AS name, indexdef AS definition FROM pg_indexes WHERE tablename = 'a'`,
    [],
  );

/** A migration that takes a while, and says when it is under way. */
function slow(seconds: number) {
  const { promise: underWay, resolve } = Promise.withResolvers<void>();
  const migration: Migration = {
    name: '0003-slow',
    async up(db) {
      resolve();
      await sql`SELECT pg_sleep(${sql.lit(seconds)})`.execute(db);
    },
  };
  return { migration, underWay };
}

test('an index is replaced, under the same name', async () => {
  await using options = await freshDatabaseOptions();
  const before = await openDatabase({ ...options, migrations: [table] });
  await before.close();
  const after = await openDatabase({ ...options, migrations: [table, replacing] });
  const found = await indexes(after);
  expect(found.map(({ name }) => name)).toEqual(['a_sought']);
  expect(found[0]!.definition).toEndWith('(name, id)');
  await after.close();
});

if (testDialect() === 'postgres') {
  test('nobody waits to read while indexes are built, nor while what comes later runs', async () => {
    await using options = await freshDatabaseOptions();
    const before = await openDatabase({ ...options, migrations: [table] });
    const { migration, underWay } = slow(3);
    const opening = openDatabase({ ...options, migrations: [table, replacing, migration] });
    await underWay;
    const began = performance.now();
    await before.all('SELECT id FROM a', []);
    expect(performance.now() - began).toBeLessThan(1500);
    const after = await opening;
    expect(await indexes(after)).toHaveLength(1);
    await Promise.all([before.close(), after.close()]);
  });

  test('nothing is built before those are gone who would not let a table be had', async () => {
    await using options = await freshDatabaseOptions();
    const before = await openDatabase({ ...options, migrations: [table] });
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const { promise: held, resolve: holds } = Promise.withResolvers<void>();
    const dumping = before.write(async (tx) => {
      await sql`LOCK TABLE a IN ACCESS SHARE MODE`.execute(tx);
      holds();
      await over;
    });
    await held;
    let built = 0;
    const noting: Migration = {
      ...replacing,
      up: (db, dialect) => {
        built += 1;
        return replacing.up(db, dialect);
      },
    };
    const opening = openDatabase({ ...options, migrations: [table, noting] });
    await Bun.sleep(3000);
    expect(built).toBe(0);
    end();
    await dumping;
    const after = await opening;
    expect(built).toBe(1);
    await Promise.all([before.close(), after.close()]);
  });
}
