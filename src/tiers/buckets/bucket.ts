import { type BucketShape, type Participant, sliceMs } from './exchange.ts';

/** What this process holds of a bucket. Spending it is arithmetic; `ask` brings a new slice. */
export interface Bucket {
  /** Whether so much may be spent now. Asks for more before the last is gone. */
  has(amount: number): boolean;
  /** Spends, also more than there is: what comes next pays for it. */
  spend(amount: number): void;
  /** Brings a new slice, unless it is known that there is none yet. False: asking again now is of no use. */
  ask(): Promise<boolean>;
  /** When it is worth asking again (ms from now). */
  waitMs(): number;
  /** For `Retry-After`: how long the throttling period goes on (whole seconds, at least 1). */
  retrySeconds(): number;
  /** What is left, as far as this process knows. */
  left(): number;
  readonly shape: BucketShape;
}

export interface BucketOptions {
  shape: BucketShape;
  /** A monotonic clock (ms). */
  clock(): number;
  /** Has the slice exchanged, soon; resolves when that is done. */
  exchange(): Promise<void>;
}

/** A process takes at most this part of a bucket at once, and as much as it may spend in this time (ms). */
const largestPart = 0.025;
const smallestPart = 0.005;
const aheadMs = 300;
/** What nobody has asked for in this time (ms) is handed in. */
const idleMs = 2000;
/** What is empty is asked for no more often (ms). */
const emptyMs = 100;
/** A process that stood still finds its slice lapsed this long before others take it (ms). */
const marginMs = 1000;

export type LocalBucket = Omit<Bucket, 'shape'> & Participant;

export function createBucket({ shape: initial, clock, exchange }: BucketOptions): LocalBucket {
  let shape = initial;
  let tokens = 0;
  let left = initial.capacity;
  let slice = 0;
  let until = 0;
  let periodEnd = 0;
  let emptyUntil = 0;
  let used = clock();
  let spent = 0;
  let spentSince = used;
  let wanted = 0;
  /** What the exchange that is under way asks for. */
  let asked = 0;
  let asking: Promise<void> | undefined;

  const live = () => {
    if (tokens > 0 && clock() >= until) tokens = 0;
    return tokens;
  };
  const exchangeOnce = () => (asking ??= exchange().finally(() => (asking = undefined)));
  const largest = () => Math.max(1, Math.ceil(shape.capacity * (shape.slice ?? largestPart)));

  return {
    get shape() {
      return shape;
    },
    set shape(next) {
      shape = next;
    },
    has(amount) {
      used = clock();
      const there = live();
      if (there < amount) return false;
      if (there - amount < slice / 4 && !asking && used >= emptyUntil) void exchangeOnce();
      return true;
    },
    spend(amount) {
      tokens -= amount;
      spent += amount;
    },
    async ask() {
      used = clock();
      if (!asking && used < emptyUntil) return false;
      wanted++;
      try {
        await exchangeOnce();
      } finally {
        wanted--;
      }
      return clock() >= emptyUntil;
    },
    waitMs: () => Math.max(1, emptyUntil - clock()),
    retrySeconds: () => Math.min(60, Math.max(1, Math.ceil((periodEnd - clock()) / 1000))),
    left: () => Math.max(0, Math.floor(left + live())),
    offer() {
      const now = clock();
      const elapsed = Math.max(1, now - spentSince);
      const expected = (spent / elapsed) * aheadMs;
      spent = 0;
      spentSince = now;
      const idle = wanted === 0 && now - used > idleMs;
      const least = Math.max(1, Math.ceil(shape.capacity * smallestPart));
      asked = idle ? 0 : Math.ceil(Math.min(largest(), Math.max(least, expected, wanted)));
      return { rest: live(), want: asked };
    },
    accept(given, sentAt) {
      // What was spent while it was under way had been handed in.
      slice = given.granted;
      tokens = slice - spent;
      left = given.left;
      until = sentAt + sliceMs - marginMs;
      periodEnd = given.periodMs > 0 ? clock() + given.periodMs : 0;
      const { perMs } = shape;
      // When there is a whole one again, if nobody else takes it.
      const fillsMs = perMs > 0 ? (1 - Math.min(1, given.left)) / perMs : 0;
      // Who only handed in has not been told that it is empty.
      if (asked >= 1 && given.granted < 1) emptyUntil = clock() + Math.min(sliceMs, Math.max(emptyMs, fillsMs));
    },
    failOpen() {
      tokens = largest();
      until = clock() + emptyMs;
    },
    holds: () => tokens !== 0,
    isDue() {
      if (tokens === 0) return false;
      const now = clock();
      return tokens < 0 || now - used > idleMs || until - now < sliceMs / 2;
    },
  };
}
