/**
 * Runs items in their order, up to `lanes` of them at a time; one that is `alone` has the machine for itself. The first
 * that rejects ends it, once what was under way has ended.
 */
export async function runInLanes<T>(
  items: readonly T[],
  { lanes, alone, run }: { lanes: number; alone(item: T): boolean; run(item: T): Promise<void> },
): Promise<void> {
  const running = new Set<Promise<void>>();
  let last: T | undefined;
  const full = (next: T) => running.size >= lanes || alone(next) || (last !== undefined && alone(last));
  try {
    for (const item of items) {
      while (running.size > 0 && full(item)) await Promise.race(running);
      last = item;
      const under = run(item).finally(() => running.delete(under));
      running.add(under);
    }
    await Promise.all(running);
  } finally {
    await Promise.allSettled(running);
  }
}
