import { Worker } from 'node:worker_threads';

/** What the thread is told. */
interface OwnEnd {
  parent: number;
  timeMs: number;
}

/**
 * The program of the thread, which is started from its source text as that of database/checkpoint-thread.ts: it ends the
 * process where that has lost its parent or its time is over, even if its other thread never comes back from a file.
 */
async function ownEndThread(): Promise<void> {
  const { workerData } = await import('node:worker_threads');
  const { parent, timeMs } = workerData as OwnEnd;
  const end = () => process.kill(process.pid, 'SIGKILL');
  setTimeout(end, timeMs);
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, 500);
}

/** Sees to it that this process ends with its parent, and at its deadline. */
export function watchOwnEnd(timeMs: number): void {
  const data: OwnEnd = { parent: process.ppid, timeMs };
  new Worker(`(${ownEndThread.toString()})()`, { eval: true, workerData: data }).unref();
}
