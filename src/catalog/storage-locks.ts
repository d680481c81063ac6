import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import type { Level } from './storage-levels.ts';

/** What takes a lock of PostgreSQL: an expression, and its values. */
export type Lock = [expression: string, values: (number | string)[]];

/** The lock of a limit: shared by those who spend from slices, taken alone by those who count. */
export function lockOf({ level, registryId, name }: Level, isAlone: boolean): Lock {
  const take = isAlone ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared';
  return [`${take}(?::int, ?::int)`, [registryId | 0, level === 'registry' ? 0 : placeOf(name)]];
}

/** Waits until nobody else pushes under a limit, and keeps them out until the transaction ends. SQLite has one writer. */
export function lockAlone({ db }: Catalog, tx: Transaction, level: Level): void {
  if (db.dialect === 'sqlite') return;
  const [expression, values] = lockOf(level, true);
  tx.send(`SELECT ${expression}`, values);
}

/** Locks are named by two integers of 32 bits. Two repositories with one of these only wait for each other; none has 0. */
const placeOf = (name: string): number => Bun.hash.crc32(name) | 1;
