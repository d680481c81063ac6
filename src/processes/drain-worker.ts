import type { WorkerProcess } from './spawn-worker.ts';

const repeatMs = 250;
/** What a worker may need beside the time for its requests (ms). */
const closingMs = 10_000;

/** Has a worker finish what is in flight, and ends it; resolves with the number of requests that were cut. */
export async function drainWorker(worker: WorkerProcess, requestsMs: number): Promise<number> {
  const tell = () => worker.send({ act: 'drain' });
  tell();
  const repeating = setInterval(tell, repeatMs);
  const late = setTimeout(() => worker.kill(), requestsMs + closingMs);
  await worker.ended;
  clearInterval(repeating);
  clearTimeout(late);
  return worker.cut;
}
