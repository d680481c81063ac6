import { Database as Sqlite } from 'bun:sqlite';
import { type Sink, type TableName, tables, type Value } from './rows.ts';

/** Rows in one statement. */
const together = 32;

/**
 * Fills a database file that nobody has open. Indexes are made again at the end: sorted, they take a fraction of the
 * time. A crash would leave the file broken, so nothing but a throwaway file may be filled like this.
 */
export async function loadSqlite(path: string, fill: (sink: Sink) => Promise<void>): Promise<void> {
  const db = new Sqlite(path, { readwrite: true });
  try {
    for (const pragma of [
      'journal_mode=DELETE',
      'journal_mode=OFF',
      'synchronous=OFF',
      'cache_size=-1000000',
      'temp_store=MEMORY',
    ]) {
      db.run(`PRAGMA ${pragma}`);
    }
    const named = Object.keys(tables).map((table) => `'${table}'`);
    const indexes = db
      .query<{ name: string; sql: string }, []>(
        `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN (${named})`,
      )
      .all();
    for (const { name } of indexes) db.run(`DROP INDEX ${name}`);
    db.run('BEGIN');
    const inserts = new Map(Object.keys(tables).map((table) => [table, insertInto(db, table as TableName)]));
    await fill({ add: (table, values) => inserts.get(table)!.add(values), ready: async () => {} });
    for (const insert of inserts.values()) insert.end();
    db.run('COMMIT');
    for (const { sql } of indexes) db.run(sql);
  } finally {
    db.close();
  }
}

function insertInto(db: Sqlite, table: TableName) {
  const columns = tables[table];
  const row = `(${columns.map(() => '?')})`;
  const prepare = (rows: number) =>
    db.prepare<never, Value[]>(
      `INSERT INTO ${table} (${columns.map((column) => `"${column}"`)}) VALUES ${Array.from({ length: rows }, () => row)}`,
    );
  const statement = prepare(together);
  let waiting: Value[] = [];
  return {
    add(values: readonly Value[]) {
      for (const value of values) waiting.push(value);
      if (waiting.length < together * columns.length) return;
      statement.run(...waiting);
      waiting = [];
    },
    end() {
      statement.finalize();
      if (waiting.length === 0) return;
      const rest = prepare(waiting.length / columns.length);
      rest.run(...waiting);
      rest.finalize();
    },
  };
}
