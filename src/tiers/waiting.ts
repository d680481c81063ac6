import type { Category } from './contract.ts';
import type { Draw } from './draw.ts';

/** Those who wait for a rate, in the order in which they came. */
export interface Waits {
  /** Whether somebody in a queue waits for one of these buckets: who would draw from it, too, comes after them. */
  isWaitedFor(queue: string, draws: readonly Draw[]): boolean;
  /** Whoever waits, in all queues. */
  waitingCount(): number;
  /** Lets all go on to their refusal; for the end of the process. */
  giveUp(): void;
}

/** A request that may wait. */
export interface Waiting {
  /** Of its client, who may go away. */
  signal: AbortSignal;
  /** Called before it waits. */
  waiting(): void;
}

interface Waiter {
  draws: readonly Draw[];
  /** What was empty when it was looked at last. */
  lacks: readonly Draw['bucket'][];
  from: number;
  end(passed: boolean): void;
}

/**
 * Longest wait (ms), and most who wait, of one queue and of all (lesson 25). Each of them keeps a request and what Bun has
 * read of its body.
 */
export const longestWaitMs = 10_000;
const mostInQueue = 64;
const mostInAll = 256;
/** Buckets are looked at so often while somebody waits (ms). */
const lookMs = 50;

export function createWaiting({
  ended,
  clock = () => performance.now(),
}: {
  ended(category: Category, ms: number): void;
  clock?(): number;
}) {
  const queues = new Map<string, Waiter[]>();
  let count = 0;
  let looking = false;
  let over = false;

  async function look(): Promise<void> {
    looking = true;
    while (count > 0) {
      for (const waiters of queues.values()) await serve(waiters);
      if (count > 0) await Bun.sleep(lookMs);
    }
    looking = false;
  }

  /** One look at a queue. Who lacks a rate of its own keeps nobody else waiting; who lacks the registry's keeps all. */
  async function serve(waiters: Waiter[]): Promise<void> {
    const short = new Set<Draw['bucket']>();
    // Whoever is served leaves the queue.
    for (const waiter of waiters.slice()) {
      if (over || clock() - waiter.from >= longestWaitMs) {
        waiter.end(false);
        continue;
      }
      const lacking = () => waiter.draws.map(({ bucket }) => bucket).filter((bucket) => short.has(bucket));
      waiter.lacks = lacking();
      if (waiter.lacks.length > 0) continue;
      for (const { bucket } of waiter.draws) if (!bucket.has(1) && !(await bucket.ask())) short.add(bucket);
      waiter.lacks = lacking();
      if (waiter.lacks.length > 0 || waiter.draws.some(({ bucket }) => !bucket.has(1))) continue;
      for (const { bucket, amount } of waiter.draws) bucket.spend(amount);
      waiter.end(true);
    }
  }

  /** Whether its turn would come in time, as far as one can tell: there is no use in keeping it otherwise. */
  function isHopeful(waiters: readonly Waiter[], draws: readonly Draw[]): boolean {
    return draws.every(({ bucket }) => {
      const before = waiters.filter((other) => other.draws.some((draw) => draw.bucket === bucket)).length;
      const { perMs } = bucket.shape;
      return perMs > 0 && (before + 1 - bucket.left()) / perMs <= longestWaitMs;
    });
  }

  const isLacked = (waiters: readonly Waiter[], bucket: Draw['bucket']) =>
    waiters.some(({ lacks }) => lacks.includes(bucket));

  return {
    isWaitedFor(queue: string, draws: readonly Draw[]): boolean {
      const waiters = queues.get(queue);
      return waiters !== undefined && draws.some(({ bucket }) => isLacked(waiters, bucket));
    },
    waitingCount: () => count,
    giveUp: () => void (over = true),
    /** Resolves with whether its turn has come, and then has spent; in time or not at all. `empty`: what it lacks of the draws. */
    wait(
      queue: string,
      draws: readonly Draw[],
      { signal, waiting }: Waiting,
      empty: readonly Draw[],
    ): Promise<boolean> {
      const waiters = queues.get(queue) ?? [];
      if (over || count >= mostInAll || waiters.length >= mostInQueue || !isHopeful(waiters, draws)) {
        return Promise.resolve(false);
      }
      waiting();
      queues.set(queue, waiters);
      count++;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const waiter: Waiter = {
        draws,
        lacks: draws
          .filter((draw) => empty.includes(draw) || isLacked(waiters, draw.bucket))
          .map(({ bucket }) => bucket),
        from: clock(),
        end(passed) {
          const at = waiters.indexOf(waiter);
          if (at < 0) return;
          waiters.splice(at, 1);
          count--;
          if (waiters.length === 0) queues.delete(queue);
          const [category] = queue.split(' ').slice(1) as [Category];
          ended(category, clock() - waiter.from);
          resolve(passed);
        },
      };
      waiters.push(waiter);
      signal.addEventListener('abort', () => waiter.end(false), { once: true });
      if (signal.aborted) waiter.end(false);
      if (!looking) void look();
      return promise;
    },
  };
}
