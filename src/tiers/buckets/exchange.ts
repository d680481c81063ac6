/*
 * A bucket that several processes draw from. It fills continuously; each process takes a slice of what is in it and spends
 * that without asking. A slice lapses: what a process held that died goes back by itself.
 */

/** What is known of a bucket by all processes. */
export interface BucketState {
  /** What nobody holds. Below 0 where somebody went into debt. */
  tokens: number;
  /** When that was so (ms). */
  at: number;
  /** The capacity that it was counted by. */
  capacity: number;
  /** When the throttling period ends that began when it was first found empty (ms); 0 for none. */
  period: number;
  /** What processes hold, and until when (ms); since when somebody waits there for more (ms). */
  slices: Record<string, Slice>;
}

type Slice = readonly [tokens: number, until: number, waitsSince?: number];

/** How a bucket fills. */
export interface BucketShape {
  capacity: number;
  /** 0 for one whose tokens come back from those who hold them. */
  perMs: number;
  /** The part of it that a process takes at most at once; small by default. */
  slice?: number;
}

/** A process hands in the rest of its slice, and wants another. */
export interface Offer {
  /** What is left of its slice; below 0 where it has spent more. */
  rest: number;
  /** What it wants to hold from now on. */
  want: number;
  /** Of what is held and never spent: what is in use of it, and for how long somebody has waited there (ms). */
  turn?: { used: number; waits: number | undefined } | undefined;
}

export interface Exchange extends Offer {
  holder: string;
  /** Current time (ms). */
  now: number;
}

export interface Given {
  /** What it holds now: whole tokens. */
  granted: number;
  /** What is left beside. */
  left: number;
  /** How long the throttling period goes on (ms); 0 where there is none. */
  periodMs: number;
  /** Whether what comes free is for those who have waited longer in another process. */
  yields: boolean;
}

/** What a process has of a bucket, as the exchange sees it. */
export interface Participant {
  shape: BucketShape;
  /** What it hands in and wants. */
  offer(): Offer;
  /** Takes what came of the offer, which was made at `sentAt` (ms, monotonic). */
  accept(given: Given, sentAt: number): void;
  /** The database does not answer: whoever asks is let through, as long as that is so. */
  failOpen(): void;
  /** Whether it holds something, or owes it. */
  holds(): boolean;
  /** Whether it should hand that in or renew it now. */
  isDue(): boolean;
  /** What is left, as far as this process knows. */
  left(): number;
}

/** For how long a process holds a slice without a word (ms). */
export const sliceMs = 5000;

/** By how much the times of two exchanges may be in another order than these (ms); more is a clock that was set back. */
const mostDisorderMs = 5000;

/** Who has waited so long in one process comes before those who came later in another (ms). */
const patienceMs = 1000;

/** The longest throttling period (ms): what `Retry-After` begins with at most (acr §1.3). */
const longestPeriodMs = 60_000;
/** What is worth coming back for: as much as fills in this time (ms). */
const usualPeriodMs = 10_000;

/** A bucket that nobody has drawn from. */
export function fullBucket({ capacity }: BucketShape, now: number): BucketState {
  return { tokens: capacity, at: now, capacity, period: 0, slices: {} };
}

/** One exchange; pure. No sequence of them gives out more than the capacity and what has filled meanwhile. */
export function exchangeSlice(
  stored: BucketState,
  shape: BucketShape,
  { holder, rest, want, turn, now: read }: Exchange,
): { state: BucketState; given: Given } {
  const before = asOf(stored, read);
  // Two who read the clock one after the other may be written down the other way round.
  const now = Math.max(read, before.at);
  const slices: Record<string, Slice> = {};
  let held = 0;
  let othersWait = 0;
  // Somebody has edited the tier: it is as full as it was. What was spent by the rate of before is no debt by the new one.
  let tokens = before.capacity > 0 ? before.tokens * (shape.capacity / before.capacity) : shape.capacity;
  let own = 0;
  for (const [name, slice] of Object.entries(before.slices)) {
    if (name === holder) own = slice[0];
    else if (slice[1] <= now) tokens += slice[0];
    else {
      slices[name] = slice;
      held += slice[0];
      othersWait = Math.max(othersWait, now - (slice[2] ?? now));
    }
  }
  // What lapsed meanwhile has gone back already.
  tokens += Math.min(rest, own);
  // More may be held than a tier allows by now: who spends that owes nothing either.
  tokens = Math.min(Math.max(0, shape.capacity - held), tokens + (now - before.at) * shape.perMs);
  // What is only held is never spent: an answer that was lost, or a process that was, loses none of it.
  if (turn) tokens = shape.capacity - held;
  const yields = turn !== undefined && othersWait > Math.max(patienceMs, turn.waits ?? 0);
  const granted = Math.max(0, Math.floor(Math.min(yields ? turn.used : want, tokens)));
  // What is in use is so, also beyond what a tier allows by now: others come after it.
  const kept = Math.max(granted, turn?.used ?? 0);
  tokens -= kept;
  const until = now + sliceMs;
  if (turn?.waits !== undefined && granted < want) slices[holder] = [kept, until, now - turn.waits];
  else if (kept > 0) slices[holder] = [kept, until];
  let { period } = before;
  if (want >= 1 && granted < 1 && period <= now) period = now + periodOf(shape);
  return {
    state: { tokens, at: now, capacity: shape.capacity, period, slices },
    given: { granted, left: Math.max(0, tokens), periodMs: Math.max(0, period - now), yields },
  };
}

/**
 * The same as of a clock that was set back: it was wrong before, and nothing would fill, lapse or end until it is as late
 * again. What is left of each time stays as it was.
 */
function asOf(state: BucketState, now: number): BucketState {
  const back = state.at - now;
  if (back <= mostDisorderMs) return state;
  const slices: Record<string, Slice> = {};
  for (const [name, [tokens, until, waitsSince]] of Object.entries(state.slices)) {
    slices[name] = waitsSince === undefined ? [tokens, until - back] : [tokens, until - back, waitsSince - back];
  }
  return { ...state, at: now, period: Math.max(0, state.period - back), slices };
}

/** How long those who find a bucket empty are told to stay away (ms): until it holds something again. */
function periodOf({ perMs }: BucketShape): number {
  const oneToken = perMs > 0 ? 1 / perMs : longestPeriodMs;
  return Math.min(longestPeriodMs, Math.max(usualPeriodMs, oneToken));
}
