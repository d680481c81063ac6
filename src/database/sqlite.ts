import { Database as Sqlite } from 'bun:sqlite';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import { createCheckpointer } from './checkpoint.ts';
import type { Database, Migration, Parameter, WriteOptions } from './database.ts';
import { checkIntegers, checkRow, inTransaction } from './dialect.ts';
import { migrate } from './migrate.ts';
import { createStatementCache, sqliteDialect } from './sqlite-dialect.ts';
import { createSyncer } from './syncer.ts';
import type { Tables } from './tables.ts';
import { createWriteQueue, isBusy, localWriteToken, type WriteToken } from './write-queue.ts';

export interface SqliteOptions {
  kind: 'sqlite';
  /** The database file; its directory must exist. */
  path: string;
  migrations: readonly Migration[];
  /** The right to write, where several processes share the file. */
  writeToken?: WriteToken | undefined;
  /** Time added to each sync (ms), to show in tests what a slow disk does. */
  syncDelayMs?: number | undefined;
  /** Runs every sync of the log. When it resolves, the writes committed before the call are answered. For tests. */
  sync?: ((datasync: () => Promise<void>) => Promise<void>) | undefined;
}

/**
 * SQLite in WAL mode with one connection that writes and one that reads. `synchronous=NORMAL` does not sync at commit;
 * an asynchronous fdatasync of the `-wal` file does, before the answer, so that a slow disk never stops the event loop.
 *
 * Why that is enough:
 * - The file that is synced is the one that is written: SQLite deletes the log when the last connection to the database
 *   closes, and ours stay open. Its entry in the directory is synced at each open, since a close may have deleted it.
 * - fdatasync covers all that was written to the file before, through any descriptor and by any process.
 * - A checkpoint that overtakes a sync loses nothing: at NORMAL, SQLite syncs the log, then copies it, then syncs the
 *   database file, and only then may the log be overwritten from its start. Of a commit that was in the log when the
 *   log was reset, everything is in the synced database file. The header of the new log is synced before frames follow.
 * - Frames are replayed in order, so that whatever is durable, all that was committed before it is durable too.
 *
 * Never open and close the database file or its `-shm` by other means: on POSIX, closing any descriptor of a file drops
 * the locks that the whole process has on it.
 */
export async function openSqlite(options: SqliteOptions): Promise<Database> {
  const { path } = options;
  await using opened = new AsyncDisposableStack();
  const writer = await inTurn(() => connect(path));
  opened.defer(() => writer.close());
  const writes = createStatementCache(writer);
  opened.defer(() => writes.clear());
  const dialect = sqliteDialect(writer, writes);
  const kysely = new Kysely<Tables>({ dialect });
  const token = options.writeToken ?? localWriteToken;
  // With a token there are others who write.
  let snapshot = options.writeToken ? undefined : {};
  const connection = {
    begin: () => void writes.prepare('BEGIN IMMEDIATE').run(),
    commit() {
      // Also where it fails: nobody need know how.
      if (snapshot) snapshot = {};
      writes.prepare('COMMIT').run();
    },
    rollback: () => void writes.prepare('ROLLBACK').run(),
    inTransaction: () => writer.inTransaction,
    abandon: () => dialect.abandon(),
  };

  const setup = createWriteQueue(token, connection, async () => {});
  await setup.push(() => inTransaction(kysely, (tx) => migrate(tx, 'sqlite', options.migrations)), true);
  const wal = await open(`${path}-wal`, 'r+');
  opened.defer(() => wal.close());
  await wal.sync();
  await syncDirectory(dirname(path));

  const sync = createSyncer(async () => {
    if (options.syncDelayMs) await Bun.sleep(options.syncDelayMs);
    await (options.sync ? options.sync(() => wal.datasync()) : wal.datasync());
  });
  const queue = createWriteQueue(token, connection, sync, () => checkpointer.committed());
  const checkpointer = createCheckpointer(path, {
    frames: () => (writes.prepare('PRAGMA wal_checkpoint(NOOP)').get() as { log: number }).log,
    checkpoint: () => writes.prepare('PRAGMA wal_checkpoint(PASSIVE)').get(),
    alone: queue.alone,
    failed: queue.fail,
  });
  opened.defer(() => checkpointer.close());

  const reader = connect(path);
  opened.defer(() => reader.close());
  reader.run('PRAGMA query_only=ON');
  // Reading waits for nobody, but for the recovery of a log whose writer was killed.
  reader.run('PRAGMA busy_timeout=1000');
  const reads = createStatementCache(reader);
  opened.defer(() => reads.clear());
  const { prepare } = reads;
  const resources = opened.move();
  const write: Database['write'] = (action, { durable = true } = {}) =>
    queue.push(() => inTransaction(kysely, action), durable);

  return {
    dialect: 'sqlite',
    read: new Kysely<Tables>({ dialect: sqliteDialect(reader, reads) }),
    first: async <T>(sql: string, parameters: readonly Parameter[]) =>
      (checkRow(prepare(sql).get(...parameters)) ?? undefined) as T | undefined,
    all: async <T>(sql: string, parameters: readonly Parameter[]) =>
      checkIntegers(prepare(sql).all(...parameters)) as T[],
    write,
    change: <T>(sql: string, parameters: readonly Parameter[], how?: WriteOptions) =>
      write((tx) => tx.all<T>(sql, parameters), how),
    settle: sync,
    snapshot: () => snapshot,
    forUpdate: (query) => query,
    forShare: (query) => query,
    async ping() {
      if (queue.failure()) throw queue.failure();
      prepare('SELECT 1').get();
    },
    async close() {
      await queue.close();
      // What need not have been durable is, after an orderly end.
      await sync().catch(() => {});
      await resources.disposeAsync();
    },
  };
}

function connect(path: string): Sqlite {
  const db = new Sqlite(path, { create: true, readwrite: true });
  try {
    // Nobody waits inside SQLite: the write token and the write queue do it beside the event loop.
    db.run('PRAGMA busy_timeout=0');
    db.run('PRAGMA journal_mode=WAL');
    db.run('PRAGMA synchronous=NORMAL');
    db.run('PRAGMA foreign_keys=ON');
    // As in PostgreSQL.
    db.run('PRAGMA case_sensitive_like=ON');
    db.run('PRAGMA cache_size=-32768');
    db.run('PRAGMA temp_store=MEMORY');
    // checkpoint.ts does it in a thread.
    db.run('PRAGMA wal_autocheckpoint=0');
    // A log that a burst made larger shrinks again when it is reset.
    db.run('PRAGMA journal_size_limit=67108864');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Another process may be creating the same database, or recovering its log. */
async function inTurn<T>(action: () => T): Promise<T> {
  for (const until = performance.now() + 5000; ;) {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error) || performance.now() > until) throw error;
      await Bun.sleep(5);
    }
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
