/** A worker that says nothing for so long does not serve either (ms). */
const silentMs = 30_000;

export interface Watch {
  /** It said something. */
  heard(): void;
  stop(): void;
}

/**
 * Tells when a worker stands still: connections would go on being given to it, and the right to write may be with it.
 * `ask` is called from time to time; what it asks must lead to `heard`.
 */
export function watchSilence(ask: () => void, stuck: (silentMs: number) => void, limitMs = silentMs): Watch {
  const periodMs = limitMs / 6;
  let silent = 0;
  let tickedAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // A parent that stood still itself has not listened.
    silent += Math.min(now - tickedAt, 2 * periodMs);
    tickedAt = now;
    if (silent <= limitMs) return ask();
    clearInterval(timer);
    stuck(silent);
  }, periodMs);
  timer.unref();
  return { heard: () => void (silent = 0), stop: () => clearInterval(timer) };
}
