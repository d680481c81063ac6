import { Worker } from 'node:worker_threads';
import { type CheckpointReply, checkpointThread } from './checkpoint-thread.ts';

/**
 * Frames (pages of 4 KiB) in the log at which it is copied into the database. Of several processes one does it for all
 * as long as it lives: the one that drew the lowest number.
 */
const enoughFrames = 4000 + Math.floor(Math.random() * 4000);
/** Pause between two looks at the length of the log, and after a checkpoint that somebody else's prevented (ms). */
const lookMs = 20;
const retryMs = 500;

export interface LogAccess {
  /** Frames that are in the log now. */
  frames(): number;
  /** A checkpoint in this thread, where there can be no other. */
  checkpoint(): unknown;
  /** Runs an action while nobody writes. */
  alone(action: () => Promise<void>): Promise<void>;
  /** The disk failed: what is written from now on may be lost. */
  failed(error: Error): void;
}

/**
 * Copies the log into the database file. That writes megabytes and syncs twice, so a thread with a connection of its
 * own does it; SQLite's own `wal_autocheckpoint` would stop the event loop for that long. Most of it happens beside
 * the writers; but only when everything is copied is the log used from its start again, so the rest is done alone.
 */
export function createCheckpointer(path: string, log: LogAccess) {
  let worker: Worker | undefined;
  let running: Promise<void> | undefined;
  let notBefore = 0;

  async function checkpoint(): Promise<void> {
    try {
      worker ??= startWorker(path);
      const first = await ask(worker);
      if (first.busy) notBefore = performance.now() + retryMs;
      else if (log.frames() > first.checkpointed) await log.alone(async () => void (await ask(worker!)));
    } catch (error) {
      notBefore = performance.now() + retryMs;
      if (error instanceof CheckpointError) return report(error);
      // The log must not grow without bound because a thread could not be had.
      void worker?.terminate();
      worker = undefined;
      await log.alone(async () => void log.checkpoint()).catch(report);
    }
  }

  /** A sync that failed once may succeed the next time without the data, see syncer.ts. The rest is tried again. */
  function report(error: unknown): void {
    const { code = '' } = error as { code?: string };
    // What is only a full disk, writes nothing.
    if (code.startsWith('SQLITE_IOERR') && code !== 'SQLITE_IOERR_SHMSIZE') log.failed(error as Error);
  }

  return {
    /** To be called after each commit. */
    committed(): void {
      const now = performance.now();
      if (running || now < notBefore) return;
      notBefore = now + lookMs;
      if (log.frames() < enoughFrames) return;
      running = checkpoint().finally(() => (running = undefined));
    },
    async close(): Promise<void> {
      await running;
      if (!worker) return;
      const ended = new Promise((resolve) => worker!.once('exit', resolve));
      worker.ref();
      worker.postMessage('close');
      await ended;
      worker = undefined;
    },
  };
}

/** SQLite's refusal of a checkpoint. */
class CheckpointError extends Error {
  readonly code: string;
  constructor({ code, message }: { code: string; message: string }) {
    super(`the log could not be copied into the database: ${message}`);
    this.code = code;
  }
}

function startWorker(path: string): Worker {
  const worker = new Worker(`(${checkpointThread})()`, { eval: true, workerData: path });
  // Errors outside a request: the next request fails too, and is answered for.
  worker.on('error', () => {});
  worker.unref();
  return worker;
}

/** One checkpoint in the thread. It keeps the process alive only for as long as it takes. */
function ask(worker: Worker): Promise<{ busy: number; log: number; checkpointed: number }> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      worker.off('message', answered).off('error', reject).off('exit', ended);
      worker.unref();
    };
    const answered = (reply: CheckpointReply) => {
      settle();
      if ('code' in reply) reject(new CheckpointError(reply));
      else resolve(reply);
    };
    const ended = () => {
      settle();
      reject(new Error('the thread that copies the log ended'));
    };
    worker.on('message', answered).once('error', reject).once('exit', ended);
    worker.ref();
    worker.postMessage('checkpoint');
  });
}
