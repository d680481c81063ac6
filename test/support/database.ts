import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Database,
  type DatabaseOptions,
  type Dialect,
  type Migration,
  openDatabase,
} from '../../src/database/index.ts';

/** Options of a database that exists for one test, to be opened by it or by servers that it starts. */
export type FreshDatabase = DatabaseOptions & AsyncDisposable;

export interface TestDatabase extends Database, AsyncDisposable {
  readonly options: DatabaseOptions;
  /** Closes and opens the same database again, as a restart does. Of two handles, either may be disposed of. */
  reopen(): Promise<TestDatabase>;
}

type Overrides = Record<string, unknown>;

/** PostgreSQL where BONDED_TEST_POSTGRES names a cluster, else SQLite. */
export function testDialect(): Dialect {
  return process.env['BONDED_TEST_POSTGRES'] ? 'postgres' : 'sqlite';
}

/** A new, empty database of `testDialect()`; disposing ends it, whoever is still connected. */
export async function freshDatabaseOptions(
  migrations: readonly Migration[] = [],
  overrides: Overrides = {},
): Promise<FreshDatabase> {
  const cluster = process.env['BONDED_TEST_POSTGRES'];
  return cluster ? freshPostgres(cluster, migrations, overrides) : freshSqlite(migrations, overrides);
}

/** Opens a new database of `testDialect()` with these migrations; disposing closes and ends it. */
export async function openTestDatabase(
  migrations: readonly Migration[],
  overrides: Overrides = {},
): Promise<TestDatabase> {
  const options = await freshDatabaseOptions(migrations, overrides);
  try {
    return await openHandle(options);
  } catch (error) {
    await options[Symbol.asyncDispose]();
    throw error;
  }
}

async function openHandle(options: FreshDatabase): Promise<TestDatabase> {
  const db = await openDatabase(options);
  let close: (() => Promise<void>) | undefined = () => db.close();
  let end = options[Symbol.asyncDispose];
  const closeOnce = async () => {
    const closing = close;
    close = undefined;
    await closing?.();
  };
  return {
    ...db,
    options,
    close: closeOnce,
    async reopen() {
      await closeOnce();
      const next = await openHandle(options);
      end = next[Symbol.asyncDispose];
      return next;
    },
    async [Symbol.asyncDispose]() {
      await closeOnce();
      await end();
    },
  };
}

async function freshSqlite(migrations: readonly Migration[], overrides: Overrides): Promise<FreshDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-sqlite-'));
  return {
    ...overrides,
    kind: 'sqlite',
    path: join(directory, 'bonded.db'),
    migrations,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

async function freshPostgres(
  cluster: string,
  migrations: readonly Migration[],
  overrides: Overrides,
): Promise<FreshDatabase> {
  // Imported only here, so that a test on SQLite does not pay for the client.
  const { claimDatabase } = await import('./postgres-databases.ts');
  const { url, release } = await claimDatabase(cluster);
  return {
    poolSize: 8,
    preparedStatements: true,
    statementTimeoutMs: 30_000,
    ...overrides,
    kind: 'postgres',
    url,
    migrations,
    [Symbol.asyncDispose]: release,
  };
}
