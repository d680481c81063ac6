import type { Database } from '../database/index.ts';
import type { Knowledge } from './evaluate-image.ts';
import { tellAdmission } from './evaluate-image.ts';
import type { LayerSource } from './layers.ts';
import { claimScan, failScan, finishScan, giveBackScan, recoverScans, type ScanClaims, type TakenScan } from './queue.ts';
import { type ScanOutcome, scanImage } from './scan-image.ts';

export interface RunnerOptions extends LayerSource {
  /** Images at a time. */
  parallel: number;
  /** How long one may take (ms). */
  timeoutMs: number;
  nodes: ScanClaims | undefined;
  knowledge(): Promise<Knowledge>;
  ended(scan: TakenScan, outcome: ScanOutcome | 'failed' | 'given up', ms: number, error?: unknown): void;
  /** Something that is no fault of an image. */
  failed(error: unknown): void;
}

/** How often the queue is looked at while nothing is told (ms). */
const lookMs = 1000;
/** How often what ran in processes that are gone is looked for (ms). */
const recoverMs = 5000;

/**
 * Runs what is queued, in the order of the queue. The returned function ends that: what is under way is given back, and goes on in
 * the next process.
 */
export function runScans(options: RunnerOptions): { wake(): void; stop(): Promise<void> } {
  const { db, nodes, now } = options;
  const stopping = new AbortController();
  let wake = Promise.withResolvers<void>();
  let recoveredAt = -recoverMs;

  async function recover(): Promise<void> {
    // Where processes are not told apart, what runs at the start ran in one that is gone.
    if (nodes ? performance.now() - recoveredAt < recoverMs : recoveredAt >= 0) return;
    recoveredAt = performance.now();
    await recoverScans(db, now(), nodes);
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let taken: TakenScan | undefined;
      try {
        await recover();
        taken = await claimScan(db, now(), nodes?.self());
        if (taken) await runOne(options, taken, stopping.signal);
      } catch (error) {
        if (!stopping.signal.aborted) options.failed(error);
      }
      if (!taken) await rest();
    }
  }

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
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(options.timeoutMs)]);
  try {
    const outcome = await scanImage(options, scan, options.knowledge, signal);
    await finishScan(db, scan);
    options.ended(scan, outcome, performance.now() - begun);
  } catch (error) {
    if (stopping.aborted) return void (await giveBackScan(db, scan));
    const again = await failScan(db, scan, messageOf(error), now());
    if (!again) await sayFailed(db, scan, now());
    options.ended(scan, again ? 'failed' : 'given up', performance.now() - begun, error);
  }
}

/** Whoever decides about the image is told that nothing is known of it, and why not. */
function sayFailed(db: Database, { digest }: TakenScan, now: number): Promise<void> {
  return tellAdmission(db, digest, {
    kind: 'scan',
    status: 'failed',
    scannedAt: now,
    advisoryRevision: 0,
    advisoriesAt: 0,
    findings: [],
  });
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
