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
  const { parentPort, workerData } = await import('node:worker_threads');
  const { parent, timeMs } = workerData as OwnEnd;
  const end = () => process.kill(process.pid, 'SIGKILL');
  let deadline = setTimeout(end, timeMs);
  parentPort!.on('message', (again: number) => {
    clearTimeout(deadline);
    deadline = setTimeout(end, again);
  });
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, 500);
}

/** Sees to it that this process ends with its parent, and after some time (ms), which is counted anew by what it returns. */
export function watchOwnEnd(timeMs: number): (timeMs: number) => void {
  const data: OwnEnd = { parent: process.ppid, timeMs };
  const thread = new Worker(`(${ownEndThread.toString()})()`, { eval: true, workerData: data });
  thread.unref();
  return (again) => thread.postMessage(again);
}
