/** A worker that lived for so long has not failed to start (ms). */
const stableMs = 30_000;
const mostInRow = 8;
const firstPauseMs = 100;

/**
 * When to replace a worker that ended: at once the first time, then after pauses that double. After eight ends in a row
 * it is given up: whatever ends it is still there.
 */
export function createRestarts(now = performance.now()) {
  let startedAt = now;
  let row = 0;
  return {
    /** Pause until the next start (ms); undefined when there should be none. */
    pauseAfter(endedAt: number): number | undefined {
      row = endedAt - startedAt >= stableMs ? 1 : row + 1;
      if (row >= mostInRow) return undefined;
      const pauseMs = row === 1 ? 0 : firstPauseMs * 2 ** (row - 2);
      startedAt = endedAt + pauseMs;
      return pauseMs;
    },
    inRow: () => row,
  };
}
