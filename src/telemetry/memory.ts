/**
 * Above this (bytes) a process collects garbage by itself. JavaScriptCore lets it grow with the heap, and beside
 * hundreds of slow clients of S3 waits for 100 MiB of what their requests have left. Chunks of bodies do not wait for it.
 */
const enough = 136 * 1024 * 1024;
/** And only when there is so much more than after the last time: of what was there then, and at least (bytes). */
const growth = 0.06;
const leastGrowth = 8 * 1024 * 1024;
/** Or after so long (ms): what was needed the last time may be garbage since, and nothing more has come. */
const againMs = 60_000;
/** And not more often than this (ms): a collection stops the event loop. */
const pauseMs = 200;
/** Garbage comes in at up to 60 MiB a second on a fast machine (ms). */
const lookMs = 100;

/** Nor for more than this part of the time: the less, the more room there is below the 200 MiB that a process may have. */
function partOfTime(bytes: number): number {
  const used = (bytes - enough) / (64 * 1024 * 1024);
  return Math.min(0.15, Math.max(0.03, used / 5));
}

/** Looks at the memory of the process ten times a second, and keeps it near what is needed. */
export function watchMemory(look = createMemoryKeeper()): () => void {
  const timer = setInterval(look, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** One look at it. */
export function createMemoryKeeper({
  resident = () => process.memoryUsage.rss(),
  collect = () => Bun.gc(true),
  now = () => performance.now(),
} = {}): () => void {
  let floor = 0;
  let ended = Number.NEGATIVE_INFINITY;
  let took = 0;
  return () => {
    const bytes = resident();
    floor = Math.min(floor, bytes);
    if (bytes < enough) return;
    const hasGrown = bytes - floor >= Math.max(leastGrowth, floor * growth);
    const wait = hasGrown ? Math.max(pauseMs, took / partOfTime(bytes)) : againMs;
    const began = now();
    if (began < ended + wait) return;
    collect();
    ended = now();
    took = ended - began;
    floor = resident();
  };
}
