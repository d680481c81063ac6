export interface PeriodicWork {
  name: string;
  /** Pause between the end of one round and the start of the next (ms); 24 days are the most. */
  intervalMs: number;
  /** Whether it is for this process to do; asked before each round. */
  isOurs(): boolean;
  /** One round. True when more is waiting: the next round then follows at once. */
  run(): Promise<boolean>;
  failed(error: unknown): void;
}

/** How often work that is due, and another's, is looked at: that one may have died (ms). */
const lookMs = 1000;

/** How long the end of a process waits for a round (ms). What it does is right whenever it breaks off. */
const patienceMs = 10_000;

/** What a timer can be set to (ms): of more it makes nothing. */
const longestMs = 2 ** 31 - 1;

/** How much the pause varies, so that the nodes of one registry do not work in step. */
const jitter = 0.2;

/**
 * Repeats work in the background, never two rounds at once; a failure is reported and the next round comes as usual.
 * The returned function stops it and waits for the round under way, for a while.
 */
export function startPeriodic(work: PeriodicWork, patience = patienceMs): () => Promise<void> {
  let stopped = false;
  let timer: Timer | undefined;
  let round: Promise<void> = Promise.resolve();

  const schedule = (delayMs: number) => {
    if (stopped) return;
    timer = setTimeout(
      () => {
        round = once();
      },
      Math.min(delayMs, longestMs),
    );
    timer.unref();
  };
  const once = async () => {
    if (!work.isOurs()) return schedule(Math.min(work.intervalMs, lookMs));
    let more = false;
    try {
      more = await work.run();
    } catch (error) {
      // Whoever did not wait has closed what it works on.
      if (!stopped) work.failed(error);
    }
    // Even without a pause the event loop turns between two rounds.
    schedule(more ? 0 : work.intervalMs * (1 + (Math.random() - 0.5) * jitter));
  };
  schedule(work.intervalMs * Math.random());

  return async () => {
    stopped = true;
    clearTimeout(timer);
    const late = Promise.withResolvers<void>();
    const waiting = setTimeout(late.resolve, patience);
    await Promise.race([round, late.promise]);
    clearTimeout(waiting);
  };
}
