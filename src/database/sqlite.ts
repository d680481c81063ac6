import { Database as Sqlite } from 'bun:sqlite';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import type { Database, Migration, Parameter } from './database.ts';
import { migrate } from './migrate.ts';
import { sqliteDialect, statementCache } from './sqlite-dialect.ts';
import type { Tables } from './tables.ts';
import { createSyncer, createWriteQueue, localWriteToken, type WriteToken } from './write-queue.ts';

export interface SqliteOptions {
  kind: 'sqlite';
  /** The database file; its directory must exist. */
  path: string;
  migrations: readonly Migration[];
  writeToken?: WriteToken | undefined;
  /** Time added to each sync (ms), to show in tests what a slow disk does. */
  syncDelayMs?: number | undefined;
}

/**
 * SQLite in WAL mode with one connection that writes and one that reads. `synchronous=NORMAL` does not sync at commit;
 * an asynchronous fdatasync of the `-wal` file does, before the answer, so that a slow disk never stops the event loop.
 */
export async function openSqlite(options: SqliteOptions): Promise<Database> {
  const writer = new Sqlite(options.path, { create: true, readwrite: true });
  configure(writer);
  const token = options.writeToken ?? localWriteToken;
  const writes = new Kysely<Tables>({ dialect: sqliteDialect(writer) });
  const exec = (statement: string) => void writer.run(statement);

  // The first write makes the -wal file, whose entry must be durable before the file is worth syncing.
  const initial = createWriteQueue(token, exec, async () => {});
  await initial.push(() => migrate(writes, 'sqlite', options.migrations));
  const wal = await open(`${options.path}-wal`, 'r+');
  await wal.sync();
  await syncDirectory(dirname(options.path));

  const reader = new Sqlite(options.path, { readwrite: true });
  configure(reader);
  reader.run('PRAGMA query_only=ON');
  const prepare = statementCache(reader);
  const sync = createSyncer(async () => {
    if (options.syncDelayMs) await Bun.sleep(options.syncDelayMs);
    await wal.datasync();
  });
  const queue = createWriteQueue(token, exec, sync);
  const read = new Kysely<Tables>({ dialect: sqliteDialect(reader) });

  return {
    dialect: 'sqlite',
    read,
    first: async <T>(sql: string, parameters: readonly Parameter[]) =>
      (prepare(sql).get(...parameters) ?? undefined) as T | undefined,
    all: async <T>(sql: string, parameters: readonly Parameter[]) => prepare(sql).all(...parameters) as T[],
    write: (action) => queue.push(() => action(writes)),
    forUpdate: (query) => query,
    forShare: (query) => query,
    ping: async () => void prepare('SELECT 1').get(),
    async close() {
      await queue.idle();
      reader.close();
      await wal.sync();
      writer.close();
      await wal.close();
    },
  };
}

function configure(db: Sqlite): void {
  db.run('PRAGMA journal_mode=WAL');
  db.run('PRAGMA synchronous=NORMAL');
  db.run('PRAGMA foreign_keys=ON');
  // The write token makes waiting unnecessary, except for a checkpoint or an offline command.
  db.run('PRAGMA busy_timeout=5000');
  db.run('PRAGMA cache_size=-32768');
  db.run('PRAGMA temp_store=MEMORY');
  // Larger than the default of 1,000 pages, because the writer pays for the checkpoint.
  db.run('PRAGMA wal_autocheckpoint=4000');
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync();
  await handle.close();
}
