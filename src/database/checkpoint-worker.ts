import { Database as Sqlite } from 'bun:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { CheckpointReply } from './checkpoint.ts';

/** Runs in a thread: a connection that only copies the log into the database. See checkpoint.ts. */
const db = new Sqlite(workerData as string, { readwrite: true });
db.run('PRAGMA busy_timeout=0');
db.run('PRAGMA synchronous=NORMAL');
// PASSIVE takes what it gets without waiting for anybody.
const statement = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');

parentPort!.on('message', (request: 'checkpoint' | 'close') => {
  if (request === 'close') {
    statement.finalize();
    db.close();
    parentPort!.close();
    return;
  }
  try {
    parentPort!.postMessage(statement.get() as CheckpointReply);
  } catch (error) {
    const { code = 'SQLITE_ERROR', message } = error as Error & { code?: string };
    parentPort!.postMessage({ code, message } satisfies CheckpointReply);
  }
});
