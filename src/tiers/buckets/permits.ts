import { type BucketShape, type Participant, sliceMs } from './exchange.ts';

/** What so many may have at once. */
export interface Permits extends Participant {
  /**
   * Takes one, after those who came before, within `withinMs`; undefined where none comes free in time, or the client
   * goes away. Returns what gives it back.
   */
  take(withinMs: number, signal: AbortSignal): Promise<(() => void) | undefined>;
}

export interface PermitsOptions {
  shape: BucketShape;
  clock(): number;
  exchange(): Promise<void>;
}

/** Most who wait for one, and how often they look (ms). */
const mostWaiting = 64;
const lookMs = 100;

/** The permits that this process holds: those in use, and for a moment those that were. */
export function createPermits({ shape: initial, clock, exchange }: PermitsOptions): Permits {
  let shape = initial;
  let held = 0;
  let used = 0;
  let until = 0;
  const waiting: ((release: () => void) => void)[] = [];
  let asking: Promise<void> | undefined;

  // A tier that was edited meanwhile may allow less than is held.
  const isFree = () => used < Math.min(held, shape.capacity);
  const askOnce = () => (asking ??= exchange().finally(() => (asking = undefined)));

  function use(): () => void {
    used++;
    let given = false;
    return () => {
      if (given) return;
      given = true;
      used--;
      serve();
    };
  }

  function serve(): void {
    while (waiting.length > 0 && isFree()) waiting.shift()!(use());
  }

  async function look(): Promise<void> {
    while (waiting.length > 0) {
      await askOnce();
      serve();
      if (waiting.length > 0) await Bun.sleep(lookMs);
    }
  }
  let looking: Promise<void> | undefined;

  return {
    get shape() {
      return shape;
    },
    set shape(next) {
      shape = next;
    },
    take(withinMs, signal) {
      if (waiting.length === 0 && isFree() && clock() < until) return Promise.resolve(use());
      if (waiting.length >= mostWaiting || signal.aborted) return Promise.resolve(undefined);
      const { promise, resolve } = Promise.withResolvers<(() => void) | undefined>();
      const turn = (release: () => void) => {
        clearTimeout(timer);
        resolve(release);
      };
      const giveUp = () => {
        const at = waiting.indexOf(turn);
        if (at >= 0) waiting.splice(at, 1);
        clearTimeout(timer);
        if (at >= 0) resolve(undefined);
      };
      const timer = setTimeout(giveUp, withinMs);
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.push(turn);
      looking ??= look().finally(() => (looking = undefined));
      return promise;
    },
    offer: () => ({ rest: held, want: used + waiting.length }),
    accept({ granted }, sentAt) {
      held = granted;
      until = sentAt + sliceMs / 2;
    },
    failOpen() {
      held = used + waiting.length;
    },
    holds: () => held > 0,
    isDue: () => held > 0,
    left: () => Math.max(0, shape.capacity - used),
  };
}
