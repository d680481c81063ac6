import { sql } from 'kysely';
import type { Transaction } from './database.ts';

export type Dialect = 'sqlite' | 'postgres';

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

/** int8 as a number; a value that a number cannot hold exactly is a fault, never a silently wrong size. */
export function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`int8 ${text} exceeds the safe integer range`);
  return value;
}

const numbered = new Map<string, string>();

/** `?` parameters as PostgreSQL's `$1`, `$2` … Our statements hold no question mark but parameters. */
export function numberParameters(statement: string): string {
  let result = numbered.get(statement);
  if (result === undefined) {
    let count = 0;
    result = statement.replaceAll('?', () => `$${++count}`);
    numbered.set(statement, result);
  }
  return result;
}
