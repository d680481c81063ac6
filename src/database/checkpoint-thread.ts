/** What SQLite says to a checkpoint, or its refusal. */
export type CheckpointReply = { busy: number; log: number; checkpointed: number } | { code: string; message: string };

/**
 * The program of the thread that copies the log into the database, on a connection of its own. It is started from its
 * source text, so that it works the same in the single binary, which holds no files: nothing outside it is in scope.
 */
export async function checkpointThread(): Promise<void> {
  const { parentPort, workerData } = await import('node:worker_threads');
  const { Database } = await import('bun:sqlite');
  const db = new Database(workerData as string, { readwrite: true });
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
    let reply: CheckpointReply;
    try {
      reply = statement.get() as CheckpointReply;
    } catch (error) {
      const { code = 'SQLITE_ERROR', message } = error as Error & { code?: string };
      reply = { code, message };
    }
    parentPort!.postMessage(reply);
  });
}
