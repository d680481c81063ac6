import { LRUCache } from 'lru-cache';
import type { Database } from '../../database/index.ts';
import { startPeriodic } from '../../jobs/index.ts';
import { type Bucket, createBucket } from './bucket.ts';
import type { BucketShape, Participant } from './exchange.ts';
import { createPermits, type Permits } from './permits.ts';
import { type Ask, type BucketKey, exchangeAll, forgetBuckets } from './store.ts';

export interface BucketsOptions {
  db: Database;
  /** Tells this process from all others, also from the one that had its number before. */
  holder: string;
  /** Wall clock (ms), and a monotonic one. */
  now(): number;
  clock?(): number;
  failed(error: unknown): void;
}

/** The buckets that this process draws from. */
export interface Buckets {
  /** A bucket, by its key; its shape from now on. */
  at(key: BucketKey, shape: BucketShape): Bucket;
  /** Another number once a bucket that somebody may have kept is no longer the one of its key. */
  generation(): number;
  /** Something that so many may have at once, all processes together; below 0 for any number. `most` is that of the key. */
  permits(key: BucketKey, most: () => number): Permits;
  /** What is left of those that are in memory, as a part of all; for metrics. */
  left(): { key: BucketKey; part: number }[];
  /** Hands in what is idle, and renews what is not, until it is stopped; then hands in all. */
  follow(): () => Promise<void>;
  /** Forgets buckets of the database that are full again; for the background. */
  forget(): Promise<boolean>;
}

/** Buckets in memory; what one that goes held lapses by itself. */
const mostBuckets = 20_000;
/** Buckets of one transaction. */
const mostAtOnce = 200;
const followMs = 500;

interface Entry<P extends Participant = Participant> {
  key: BucketKey;
  bucket: P;
}

export function createBuckets({ db, holder, now, clock = () => performance.now(), failed }: BucketsOptions): Buckets {
  let generation = 0;
  const entries = new LRUCache<string, Entry>({ max: mostBuckets, dispose: () => void generation++ });
  let waiting = new Map<Entry, PromiseWithResolvers<void>>();
  let running: Promise<void> | undefined;
  let failing = false;
  let closing = false;

  /** Whoever asks while one is under way goes with the next: there is one at a time, for all. */
  function exchange(entry: Entry): Promise<void> {
    let asked = waiting.get(entry);
    if (!asked) waiting.set(entry, (asked = Promise.withResolvers<void>()));
    running ??= Promise.resolve().then(drain);
    return asked.promise;
  }

  async function drain(): Promise<void> {
    while (waiting.size > 0) {
      const round = [...waiting].slice(0, mostAtOnce);
      waiting = new Map([...waiting].slice(mostAtOnce));
      await exchangeRound(round.map(([entry]) => entry));
      for (const [, { resolve }] of round) resolve();
    }
    running = undefined;
  }

  async function exchangeRound(round: readonly Entry[]): Promise<void> {
    const sentAt = clock();
    const asks = round.map(({ key, bucket }): Ask => {
      const offer = bucket.offer();
      return { ...key, shape: bucket.shape, ...(closing ? { rest: offer.rest, want: 0 } : offer) };
    });
    try {
      const given = await exchangeAll(db, holder, asks, now);
      for (const [index, { bucket }] of round.entries()) {
        bucket.accept(given.get(asks[index]!)!, sentAt);
      }
      failing = false;
    } catch (error) {
      // A rate is no matter of security: what needs the database will be told that it is away.
      for (const { bucket } of round) bucket.failOpen();
      if (!failing) failed(error);
      failing = true;
    }
  }

  /** The one of a key, which is made where it is not there. */
  function join<P extends Participant>(key: BucketKey, make: (exchange: () => Promise<void>) => P): P {
    const name = nameOf(key);
    const known = entries.get(name);
    // A name means one kind of thing.
    if (known) return known.bucket as P;
    const entry: Entry<P> = { key, bucket: make(() => exchange(entry)) };
    entries.set(name, entry);
    return entry.bucket;
  }

  async function exchangeDue(due: readonly Entry[]): Promise<void> {
    // What is held is in use, however long ago it was asked for: others are forgotten before.
    for (const { key } of due) entries.get(nameOf(key));
    await Promise.all(due.map(exchange));
  }

  return {
    at(key, shape) {
      const bucket = join(key, (ask) => createBucket({ shape, clock, exchange: ask }));
      bucket.shape = shape;
      return bucket;
    },
    generation: () => generation,
    permits: (key, most) => join(key, (ask) => createPermits({ most, clock, exchange: ask })),
    left: () =>
      [...entries.values()]
        .filter(({ bucket }) => bucket.shape.capacity > 0)
        .map(({ key, bucket }) => ({ key, part: bucket.left() / bucket.shape.capacity })),
    follow() {
      const stop = startPeriodic({
        name: 'renew-rate-slices',
        intervalMs: followMs,
        isOurs: () => true,
        run: async () => (await exchangeDue([...entries.values()].filter(({ bucket }) => bucket.isDue())), false),
        failed,
      });
      return async () => {
        await stop();
        // Whoever goes on has it at once.
        closing = true;
        await running;
        await exchangeDue([...entries.values()].filter(({ bucket }) => bucket.holds()));
      };
    },
    forget: () => forgetBuckets(db, now),
  };
}

const nameOf = ({ registryId, name, subject }: BucketKey) => `${registryId} ${name} ${subject}`;
