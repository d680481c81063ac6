import type { Database } from '../database/index.ts';
import type { ImageInventory } from '../inventory/index.ts';
import type { Digest } from '../oci/index.ts';
import { giveWay } from './give-way.ts';
import { readInventory } from './image-store.ts';
import type { Knowledge } from './knowledge.ts';
import type { LayerSource } from './layers.ts';
import {
  claimScan,
  failScan,
  finishScan,
  giveBackScan,
  isPulled,
  recoverScans,
  type ScanClaims,
  type TakenScan,
} from './queue.ts';
import { nothingIn, type ScanOutcome, scanImage } from './scan-image.ts';
import { tellAdmission } from './tell-admission.ts';

export interface RunnerOptions extends LayerSource {
  /** Images at a time. */
  parallel: number;
  /** How long a layer may take (ms). An image has some time beside that. */
  timeoutMs: number;
  nodes: ScanClaims | undefined;
  knowledge(): Promise<Knowledge>;
  /** Told of an image that was scanned, with what is in it, before its scan has ended. */
  scanned?(digest: Digest, inventory: ImageInventory): Promise<void>;
  ended(scan: TakenScan, outcome: ScanOutcome | 'failed' | 'given up', ms: number, error?: unknown): void;
  /** Something that is no fault of an image. */
  failed(error: unknown): void;
}

/**
 * Time of an image beyond that of a layer (ms): a layer that takes too long is found at fault before its image is, and not read
 * again for each image that has it.
 */
const moreMs = 30_000;
/** How often the queue is looked at while nothing is told (ms). */
const lookMs = 1000;
/** How often what ran in processes that are gone is looked for (ms). */
const recoverMs = 5000;

/**
 * Runs what is queued, in the order of the queue. `stop` ends that: what is under way is given back, and goes on in the next
 * process.
 */
export function runScans(options: RunnerOptions): { wake(): void; stop(): Promise<void> } {
  const { db, nodes, now } = options;
  const stopping = new AbortController();
  const mine = new Set<number>();
  let wake = Promise.withResolvers<void>();
  let recoveredAt = Number.NEGATIVE_INFINITY;
  let turn: Promise<unknown> = Promise.resolve();

  async function recover(): Promise<void> {
    if (performance.now() - recoveredAt < recoverMs) return;
    for (const digest of await recoverScans(db, now(), [...mine], nodes)) await sayFailed(db, digest, now());
    recoveredAt = performance.now();
  }

  /** One after the other: what was claimed a moment ago is no scan that was lost. */
  function take(): Promise<TakenScan | undefined> {
    const taken = turn.then(async () => {
      if (stopping.signal.aborted) return undefined;
      await recover();
      const scan = await claimScan(db, now(), nodes?.self());
      if (scan && stopping.signal.aborted) {
        // Taken in the moment in which another of them gave it back.
        await giveBackScan(db, scan);
        return undefined;
      }
      if (scan) mine.add(scan.id);
      return scan;
    });
    turn = taken.catch(() => {});
    return taken;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let taken: TakenScan | undefined;
      try {
        taken = await take();
        if (taken) await runOne(options, taken, stopping.signal);
      } catch (error) {
        if (!stopping.signal.aborted) options.failed(error);
      } finally {
        if (taken) mine.delete(taken.id);
      }
      await (taken ? giveWay(isUrgent) : rest());
    }
  }

  /** What is wrong with the database is said by whoever claims next. */
  const isUrgent = () => isPulled(db, now()).catch(() => false);

  async function rest(): Promise<void> {
    const ended = Promise.withResolvers<void>();
    const timer = setTimeout(ended.resolve, lookMs);
    await Promise.race([wake.promise, ended.promise]);
    clearTimeout(timer);
  }

  const runners = Array.from({ length: options.parallel }, run);
  return {
    wake() {
      wake.resolve();
      wake = Promise.withResolvers();
    },
    async stop() {
      stopping.abort();
      wake.resolve();
      await Promise.all(runners);
    },
  };
}

async function runOne(options: RunnerOptions, scan: TakenScan, stopping: AbortSignal): Promise<void> {
  const { db, now } = options;
  const begun = performance.now();
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(options.timeoutMs + moreMs)]);
  try {
    const outcome = await scanImage(options, scan, options.knowledge, signal);
    if (outcome === 'scanned' && options.scanned) {
      const stored = await readInventory(db, scan.id);
      if (stored) await options.scanned(scan.digest, stored.inventory);
    }
    await finishScan(db, scan, now());
    options.ended(scan, outcome, performance.now() - begun);
  } catch (error) {
    if (stopping.aborted) return giveBackScan(db, scan);
    const again = await failScan(db, scan, messageOf(error), now());
    if (!again) await sayFailed(db, scan.digest, now());
    options.ended(scan, again ? 'failed' : 'given up', performance.now() - begun, error);
  }
}

/** Whoever decides about the image is told that nothing is known of it. */
const sayFailed = (db: Database, digest: Digest, now: number): Promise<void> =>
  tellAdmission(db, digest, nothingIn('failed', now));

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
