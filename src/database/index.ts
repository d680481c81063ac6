import type { Database } from './database.ts';
import { openPostgres, type PostgresOptions } from './postgres.ts';
import { postgresOpenError, sqliteOpenError } from './open-error.ts';
import { openSqlite, type SqliteOptions } from './sqlite.ts';

export { databaseConfig } from './config.ts';
export type { Database, Dialect, LookUps, Migration, Parameter, Transaction, WriteOptions } from './database.ts';
export { run, sqlTypes } from './dialect.ts';
export { joinDirectory, lockDirectory } from './directory-lock.ts';
export { replaceIndexes } from './replace-indexes.ts';
export { listsOf, placeholders, rowsOf } from './lists.ts';
export { packJson, unpackJson } from './packed-json.ts';
export { aheadMs } from './stored-times.ts';
export type { Tables } from './tables.ts';
export type { WriteToken } from './write-queue.ts';
export { grantWriteToken, parentWriteToken, type TokenChild } from './write-token.ts';
export type DatabaseOptions = SqliteOptions | PostgresOptions;

/** Opens the facts and applies missing migrations. Throws an Error that tells the operator what to do. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  try {
    return await (options.kind === 'sqlite' ? openSqlite(options) : openPostgres(options));
  } catch (error) {
    throw options.kind === 'sqlite' ? sqliteOpenError(options.path, error) : postgresOpenError(options.url, error);
  }
}
