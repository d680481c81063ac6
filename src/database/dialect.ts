import { type Kysely, sql } from 'kysely';
import type { Dialect, Statements, Transaction } from './database.ts';
import type { Tables } from './tables.ts';

/**
 * Column types with one meaning in both dialects: times are integer ms, booleans 0/1, JSON is text, and text is
 * ordered by its bytes, never by a locale.
 */
export function sqlTypes(dialect: Dialect) {
  return dialect === 'sqlite'
    ? { autoId: 'INTEGER PRIMARY KEY AUTOINCREMENT', int: 'INTEGER', text: 'TEXT', bytes: 'BLOB' }
    : {
        autoId: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
        int: 'BIGINT',
        text: 'TEXT COLLATE "C"',
        bytes: 'BYTEA',
      };
}

/** Runs statements of a migration in order. */
export async function run(db: Transaction, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

/** int8, or a sum of such, as a number. One that a number cannot hold exactly is a fault, never a wrong size. */
export function parseInteger(text: string): number {
  const value = Number(text);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) throw beyond(text);
  return value;
}

/** The same guard for rows that came as numbers. Returns its argument. */
export function checkIntegers<R extends Record<string, unknown>>(rows: R[]): R[] {
  for (const row of rows) checkRow(row);
  return rows;
}

export function checkRow<R extends Record<string, unknown> | null>(row: R): R {
  for (const column in row) {
    const value = row[column];
    if (typeof value === 'number' && (value > Number.MAX_SAFE_INTEGER || value < -Number.MAX_SAFE_INTEGER)) {
      throw beyond(value);
    }
  }
  return row;
}

function beyond(value: unknown): RangeError {
  return new RangeError(`integer ${value} of the database exceeds what a number holds exactly`);
}

/** `?` parameters as PostgreSQL's `$1`, `$2` … Our statements hold no question mark but parameters. */
export function numberParameters(statement: string): string {
  let count = 0;
  return statement.replaceAll('?', () => `$${++count}`);
}

/** Runs `action` in a transaction of a Kysely whose connections are `Statements`, too. */
export function inTransaction<T>(kysely: Kysely<Tables>, action: (tx: Transaction) => Promise<T>): Promise<T> {
  return kysely.transaction().execute(async (queries) => {
    const connection = await queries.getExecutor().provideConnection(async (own) => own as unknown as Statements);
    const { first, all, send } = connection;
    return action(Object.assign(queries, { first, all, send, run: connection.run }));
  });
}
