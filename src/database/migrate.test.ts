import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { sql } from 'kysely';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { type Database, type Migration, openDatabase } from './index.ts';

const createTable = (name: string, table: string): Migration => ({
  name,
  up: async (db) => void (await sql.raw(`CREATE TABLE ${table} (id BIGINT PRIMARY KEY)`).execute(db)),
});

const applied = async (db: Database) =>
  (await db.all<{ name: string }>('SELECT name FROM migrations ORDER BY name', [])).map(({ name }) => name);

test('migrations are applied in the order of their names, once', async () => {
  await using options = await freshDatabaseOptions();
  const order: string[] = [];
  const noting = (name: string): Migration => ({
    name,
    async up() {
      order.push(name);
    },
  });
  const first = await openDatabase({ ...options, migrations: [noting('0002-b'), noting('0001-a')] });
  await first.close();
  const migrations = [noting('0003-c'), noting('0001-a'), noting('0002-b')];
  const second = await openDatabase({ ...options, migrations });
  expect(order).toEqual(['0001-a', '0002-b', '0003-c']);
  expect(await applied(second)).toEqual(order);
  await second.close();
});

test('a migration that fails leaves nothing of itself, nor of those before it; the next start begins again', async () => {
  await using options = await freshDatabaseOptions();
  const before = await openDatabase({ ...options, migrations: [createTable('0001-a', 'a')] });
  await before.close();
  const broken: Migration = {
    name: '0003-c',
    async up(db, dialect) {
      await createTable('', 'c').up(db, dialect);
      await sql.raw('CREATE TABLE').execute(db);
    },
  };
  const migrations = [createTable('0001-a', 'a'), createTable('0002-b', 'b'), broken];
  await expect(openDatabase({ ...options, migrations })).rejects.toThrow(/syntax|incomplete/);
  const fixed = [...migrations.slice(0, 2), createTable('0003-c', 'c')];
  const after = await openDatabase({ ...options, migrations: fixed });
  expect(await applied(after)).toEqual(['0001-a', '0002-b', '0003-c']);
  expect(await after.all('SELECT a.id FROM a, b, c', [])).toEqual([]);
  await after.close();
});

test('a database that a newer version wrote is refused, and left as it is', async () => {
  await using options = await freshDatabaseOptions();
  const newer = await openDatabase({
    ...options,
    migrations: [createTable('0001-a', 'a'), createTable('0009-z', 'z')],
  });
  await newer.close();
  const older = [createTable('0001-a', 'a'), createTable('0002-b', 'b')];
  await expect(openDatabase({ ...options, migrations: older })).rejects.toThrow('newer version (migration 0009-z)');
  await expect(openDatabase({ ...options, migrations: [] })).rejects.toThrow('newer version');
});

test('two migrations with one name are refused', async () => {
  await using options = await freshDatabaseOptions([createTable('0001-a', 'a'), createTable('0001-a', 'b')]);
  await expect(openDatabase(options)).rejects.toThrow('same name');
});

test('processes that start at the same moment apply each migration once, and all of them start', async () => {
  await using options = await freshDatabaseOptions();
  const program = `
    const { openDatabase } = await import(${JSON.stringify(join(import.meta.dir, 'index.ts'))});
    const { sql } = await import('kysely');
    const migrations = ['a', 'b', 'c', 'd'].map((name) => ({
      name,
      async up(db, dialect) {
        // Long enough for the others to come while it is under way.
        if (dialect === 'postgres') await sql\`SELECT pg_sleep(0.1)\`.execute(db);
        await sql.raw('CREATE TABLE ' + name + ' (id BIGINT)').execute(db);
      },
    }));
    await Bun.sleep(Number(process.argv[1]) - Date.now());
    const db = await openDatabase({ ...${JSON.stringify(options)}, migrations });
    console.log((await db.all('SELECT count(*) AS n FROM migrations', []))[0].n);
    await db.close();`;
  const at = Date.now() + 1000;
  const children = Array.from({ length: 4 }, () =>
    Bun.spawn([process.execPath, '-e', program, `${at}`], {
      cwd: import.meta.dir,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const said = await Promise.all(children.map(({ stdout }) => new Response(stdout).text()));
  expect(said.map((text) => text.trim())).toEqual(['4', '4', '4', '4']);
});
