/**
 * Above this (bytes) a process collects garbage by itself. JavaScriptCore lets it grow with the heap, and beside
 * hundreds of slow clients of S3 waits for 100 MiB of what their requests have left. Chunks of bodies do not wait for it.
 */
const enough = 152 * 1024 * 1024;
/** And only when there is so much more than after the last time (bytes). */
const growth = 24 * 1024 * 1024;
/** And not more often than this (ms): a collection stops the event loop for some tens of ms. */
const pauseMs = 5000;
/** Or after so long (ms): what was needed the last time may be garbage since, and nothing more has come. */
const againMs = 60_000;

/** Looks at the memory of the process once a second, and keeps it near what is needed. */
export function watchMemory(look = createMemoryKeeper()): () => void {
  const timer = setInterval(look, 1000);
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
  let collectedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const bytes = resident();
    floor = Math.min(floor, bytes);
    if (bytes < enough || now() - collectedAt < (bytes - floor < growth ? againMs : pauseMs)) return;
    collect();
    floor = resident();
    collectedAt = now();
  };
}
