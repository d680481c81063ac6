export interface Pace {
  /** To be awaited after each item. */
  rest(): Promise<void>;
  /** Nothing is left to do for now. */
  done(): void;
  /** No rests from now on: whoever stops the work waits for it. */
  hurry(): void;
}

/** Items in a row that are worked off without a rest, because nobody would notice so few. */
const freely = 100;
const restMs = 10;
/** After so long without an end, rests become half as long (ms): more comes in than is worked off. */
const patienceMs = 300_000;

/**
 * The pace of background work that stops the event loop for a moment with each item. With rests so much longer than
 * items, only one of many requests meets one.
 */
export function createPace(
  now = performance.now.bind(performance),
  sleep: (ms: number) => Promise<void> = Bun.sleep,
): Pace {
  let inRow = 0;
  let since = 0;
  let hurried = false;
  return {
    async rest() {
      if (inRow++ === 0) since = now();
      if (hurried || inRow <= freely) return;
      const ms = restMs / 2 ** Math.floor((now() - since) / patienceMs);
      if (ms >= 1) await sleep(ms);
    },
    done() {
      inRow = 0;
    },
    hurry() {
      hurried = true;
    },
  };
}
