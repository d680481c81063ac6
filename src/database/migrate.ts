import { sql } from 'kysely';
import type { Dialect, Migration, Transaction } from './database.ts';
import { run, sqlTypes } from './dialect.ts';

/** A second server that starts at the same moment waits here rather than migrating too. */
const advisoryLock = 4_271_992_313;

/** How long a migration waits for a table, and others behind it (ms). */
const lockTimeoutMs = 1000;

/**
 * Applies what is missing, in the order of names. Runs inside the caller's transaction, so that a failed migration
 * leaves the schema as it was. A database that is newer than this program is refused.
 */
export async function migrate(db: Transaction, dialect: Dialect, migrations: readonly Migration[]): Promise<void> {
  if (dialect === 'postgres') {
    // Waiting for another server, or an index over millions of rows, may take longer than a statement normally may.
    await sql`SET LOCAL statement_timeout = 0`.execute(db);
    await sql`SELECT pg_advisory_xact_lock(${advisoryLock})`.execute(db);
    // Behind a table that a dump holds on to, everybody would wait who comes after us, pulls too: the caller tries again.
    await sql`SET LOCAL lock_timeout = ${sql.lit(lockTimeoutMs)}`.execute(db);
  }
  const { int, text } = sqlTypes(dialect);
  const table = `CREATE TABLE IF NOT EXISTS migrations (name ${text} PRIMARY KEY, applied_at ${int} NOT NULL)`;
  await sql.raw(table).execute(db);
  const { rows } = await sql<{ name: string }>`SELECT name FROM migrations`.execute(db);
  const applied = new Set(rows.map((row) => row.name));
  const known = new Set(migrations.map((migration) => migration.name));
  if (known.size < migrations.length) throw new Error('two migrations have the same name');
  const newer = [...applied].filter((name) => !known.has(name));
  if (newer.length > 0) {
    throw new Error(
      `the database was written by a newer version (migration ${newer.toSorted().at(-1)}); upgrade Bonded`,
    );
  }
  const pending = migrations.filter(({ name }) => !applied.has(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  if (dialect === 'postgres') await lockForWriting(db, pending);
  for (const { up } of pending) await up(db, dialect);
  for (const { exclusive } of pending) await exclusive?.up(db, dialect);
  for (const { name } of pending) {
    await sql`INSERT INTO migrations (name, applied_at) VALUES (${name}, ${Date.now()})`.execute(db);
  }
}

/**
 * Locks writers out of the tables that will be needed exclusively: one that had written to the one table could wait for
 * the other, and we for it. Readers that would not let us have a table are found before an index is built in vain.
 */
async function lockForWriting(db: Transaction, pending: readonly Migration[]): Promise<void> {
  const existing: string[] = [];
  for (const table of new Set(pending.flatMap(({ exclusive }) => exclusive?.tables ?? []))) {
    const { rows } = await sql<{ oid: unknown }>`SELECT to_regclass(${table}) AS oid`.execute(db);
    if (rows[0]?.oid) existing.push(table);
  }
  if (existing.length === 0) return;
  const tables = existing.join(', ');
  await run(db, [
    'SAVEPOINT readers',
    `LOCK TABLE ${tables} IN ACCESS EXCLUSIVE MODE`,
    'ROLLBACK TO SAVEPOINT readers',
    `LOCK TABLE ${tables} IN SHARE MODE`,
  ]);
}
