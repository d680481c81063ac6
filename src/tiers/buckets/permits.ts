import { type Participant, sliceMs } from './exchange.ts';

/** What so many may have at once. */
export interface Permits extends Participant {
  /**
   * Takes one, after those who came before, within `withinMs`; undefined where none comes free in time, or the client
   * goes away. Returns what gives it back.
   */
  take(withinMs: number, signal: AbortSignal): Promise<(() => void) | undefined>;
}

export interface PermitsOptions {
  /** How many there are now, below 0 for any number: asked anew each time, since a tier is edited while others wait. */
  most(): number;
  clock(): number;
  exchange(): Promise<void>;
}

/** Most who wait for one, and how often they look (ms). */
const mostWaiting = 64;
const lookMs = 100;

/** Somebody whose turn is to come. */
interface Waiter {
  since: number;
  turn(release: () => void): void;
}

/** The permits that this process holds: those in use, and for a moment those that were. */
export function createPermits({ most, clock, exchange }: PermitsOptions): Permits {
  let held = 0;
  let used = 0;
  let until = 0;
  /** How many there were when those that are held were asked for; when an exchange began that may be under way. */
  let heldOf = 0;
  let askedOf = 0;
  /** What comes free is for those who wait in other processes. */
  let yields = false;
  /** They have been told that somebody waits here. */
  let told = false;
  const waiting: Waiter[] = [];

  // What was granted before a tier was edited to allow less has to be asked for again; who stood still for long holds
  // nothing any more.
  const isFree = () => most() < 0 || (!yields && used < held && most() >= heldOf && clock() < until);

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
    while (waiting.length > 0 && isFree()) waiting.shift()!.turn(use());
  }

  const holds = () => used > 0 || held > 0 || told;

  let isLooking = false;
  async function look(): Promise<void> {
    if (isLooking) return;
    isLooking = true;
    while (waiting.length > 0) {
      await exchange();
      serve();
      if (waiting.length > 0) await Bun.sleep(lookMs);
    }
    // In the same turn: whoever comes next has to be looked for.
    isLooking = false;
  }

  return {
    get shape() {
      return { capacity: Math.max(0, most()), perMs: 0 };
    },
    take(withinMs, signal) {
      if (waiting.length === 0 && isFree()) return Promise.resolve(use());
      if (waiting.length >= mostWaiting || signal.aborted) return Promise.resolve(undefined);
      const { promise, resolve } = Promise.withResolvers<(() => void) | undefined>();
      const leave = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', giveUp);
      };
      const waiter: Waiter = {
        since: clock(),
        turn(release) {
          leave();
          resolve(release);
        },
      };
      const giveUp = () => {
        waiting.splice(waiting.indexOf(waiter), 1);
        leave();
        resolve(undefined);
      };
      const timer = setTimeout(giveUp, withinMs);
      signal.addEventListener('abort', giveUp, { once: true });
      waiting.push(waiter);
      void look();
      return promise;
    },
    offer() {
      const want = used + waiting.length;
      const waits = waiting[0] && clock() - waiting[0].since;
      told = waits !== undefined;
      // What it does not ask for again may be another's before the answer is here.
      held = Math.min(held, want);
      askedOf = most();
      return { rest: held, want, turn: { used, waits } };
    },
    accept(given, sentAt) {
      held = given.granted;
      heldOf = askedOf;
      ({ yields } = given);
      until = sentAt + sliceMs / 2;
    },
    failOpen() {
      held = used + waiting.length;
      heldOf = askedOf;
      yields = false;
      until = clock() + lookMs;
    },
    holds,
    isDue: holds,
    left: () => Math.max(0, most() - used),
  };
}
