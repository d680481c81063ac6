/**
 * Above this (bytes) a process collects garbage by itself. JavaScriptCore lets it grow with the heap, and beside
 * hundreds of slow clients of S3 waits for 100 MiB of what their requests have left. Chunks of bodies do not wait for it.
 */
const enough = 136 * 1024 * 1024;
/**
 * Up to this (bytes) there is room below the 200 MiB that a process may have, and a thread of its own collects, which stops
 * the event loop for a few ms. Above, the process does it itself and gives back what it has freed: 40 to 100 ms.
 */
const tight = 168 * 1024 * 1024;
/** And only when there is so much more than after the last time: of what was there then, and at least (bytes). */
const growth = 0.06;
const leastGrowth = 8 * 1024 * 1024;
/** Or after so long (ms): what was needed the last time may be garbage since, and nothing more has come. */
const againMs = 60_000;
/** And not more often than this (ms). */
const pauseMs = 200;
const asideMs = 1000;
/** Garbage comes in at up to 60 MiB a second on a fast machine (ms). */
const lookMs = 100;

/** Nor does the process itself for more than this part of the time: the less, the more room there is. */
function partOfTime(bytes: number): number {
  return Math.min(0.15, (bytes - enough) / (320 * 1024 * 1024));
}

/** Looks at the memory of the process ten times a second, and keeps it near what is needed. */
export function watchMemory(look = createMemoryKeeper()): () => void {
  const timer = setInterval(look, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** One look at it. `collect` returns when it has collected, `collectAside` at once. */
export function createMemoryKeeper({
  resident = () => process.memoryUsage.rss(),
  collect = () => Bun.gc(true),
  collectAside = () => Bun.gc(false),
  now = () => performance.now(),
} = {}): () => void {
  let floor = 0;
  let ended = Number.NEGATIVE_INFINITY;
  let took = 0;
  return () => {
    const bytes = resident();
    floor = Math.min(floor, bytes);
    if (bytes < enough) return;
    const isTight = bytes >= tight;
    const hasGrown = bytes - floor >= Math.max(leastGrowth, floor * growth);
    const between = isTight ? Math.max(pauseMs, took / partOfTime(bytes)) : asideMs;
    const began = now();
    if (began < ended + (hasGrown ? between : againMs)) return;
    (isTight ? collect : collectAside)();
    ended = now();
    took = ended - began;
    floor = resident();
  };
}
