import { expect, test } from 'bun:test';
import { sql } from 'kysely';
import { freshDatabaseOptions, testDialect } from '../../test/support/database.ts';
import { openDatabase } from '../database/index.ts';
import { catalogMigrations } from './tables.ts';

test('what was stored before rows lay in their keys is there afterwards, with all its indexes', async () => {
  const former = catalogMigrations.filter(({ name }) => name < '0008');
  expect(former.length).toBeLessThan(catalogMigrations.length);
  await using options = await freshDatabaseOptions();
  const before = await openDatabase({ ...options, migrations: former });
  const rows = {
    manifest_references: `(1, 1, 'sha256:m', 'sha256:b', 'layer', 1, 5, 'x/y')`,
    tags: `(1, 1, 'v1', 'sha256:m', 2, 3)`,
    blob_links: `(1, 1, 'sha256:b', 'key', 5, 4)`,
    gc_candidates: `(1, 1, 'link', 'sha256:b', 6)`,
  };
  await before.write(async (tx) => {
    for (const [table, row] of Object.entries(rows)) await sql.raw(`INSERT INTO ${table} VALUES ${row}`).execute(tx);
  });
  const content = async (db: typeof before) => {
    const tables = Object.keys(rows).map((table) => db.all(`SELECT * FROM ${table}`, []));
    return Promise.all(tables);
  };
  const names =
    testDialect() === 'sqlite'
      ? `SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name`
      : `SELECT indexname AS name FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname`;
  const [stored, indexes] = [await content(before), await before.all(names, [])];
  expect(stored.every(({ length }) => length === 1)).toBe(true);
  expect(indexes.length).toBeGreaterThan(5);
  await before.close();

  const after = await openDatabase({ ...options, migrations: catalogMigrations.slice(0, former.length + 1) });
  try {
    expect(await content(after)).toEqual(stored);
    expect(await after.all(names, [])).toEqual(indexes);
    if (testDialect() === 'sqlite') await expect(after.all('SELECT rowid FROM tags', [])).rejects.toThrow('rowid');
  } finally {
    await after.close();
  }
});

if (testDialect() === 'postgres') {
  test('no migration keeps anybody from reading while it runs', async () => {
    // Those before are older than this rule.
    const former = catalogMigrations.filter(({ name }) => name < '0012');
    const later = catalogMigrations.slice(former.length);
    await using options = await freshDatabaseOptions();
    const db = await openDatabase({ ...options, migrations: former });
    // Of a table that is new, there are no readers yet.
    const rows = await db.all<{ name: string }>(`SELECT relname AS name FROM pg_class WHERE relkind = 'r'`, []);
    const existing = new Set(rows.map(({ name }) => name));
    const undone = new Error('undone');
    const migrating = db.write(async (tx) => {
      const held = async () => {
        const locked = await tx.all<{ relname: string }>(
          `SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation AND relkind = 'r'
            WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock'`,
          [],
        );
        return locked.map(({ relname }) => relname).filter((name) => existing.has(name));
      };
      for (const { name, up } of later) {
        await up(tx, 'postgres');
        expect([name, await held()]).toEqual([name, []]);
      }
      for (const { exclusive } of later) await exclusive?.up(tx, 'postgres');
      expect(later.flatMap(({ exclusive }) => exclusive?.tables ?? [])).toEqual(expect.arrayContaining(await held()));
      throw undone;
    });
    await expect(migrating).rejects.toBe(undone);
    await db.close();
  });
}
