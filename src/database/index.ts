export { databaseConfig } from './config.ts';
export { lockDirectory } from './directory-lock.ts';
import type { Database } from './database.ts';
import { openPostgres, type PostgresOptions } from './postgres.ts';
import { openSqlite, type SqliteOptions } from './sqlite.ts';

export type { Database, Migration, Parameter, Transaction } from './database.ts';
export { type Dialect, run, sqlTypes } from './dialect.ts';
export type { Tables } from './tables.ts';
export { localWriteToken, type WriteToken } from './write-queue.ts';
export type DatabaseOptions = SqliteOptions | PostgresOptions;

/** Opens the facts and applies missing migrations. */
export function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.kind === 'sqlite' ? openSqlite(options) : openPostgres(options);
}
