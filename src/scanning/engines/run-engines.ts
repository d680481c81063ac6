import { contentOf, placesOf } from '../../catalog/index.ts';
import type { Database } from '../../database/index.ts';
import { type ScannableImage, scannable } from '../classify.ts';
import { evaluateImage } from '../evaluate-images.ts';
import type { Knowledge } from '../knowledge.ts';
import type { ScanClaims } from '../queue.ts';
import { type Engine, EngineError, type EngineImage } from './engine.ts';
import { areEvaluated } from './engine-store.ts';
import {
  claimEngineScan,
  failEngineScan,
  finishEngineScan,
  forgetEngineScan,
  giveBackEngineScan,
  keepReport,
  recoverEngineScans,
  type TakenEngineScan,
} from './engine-queue.ts';

export interface EngineRunnerOptions {
  db: Database;
  now(): number;
  engines: readonly Engine[];
  nodes: ScanClaims | undefined;
  knowledge(): Promise<Knowledge>;
  ended(scan: TakenEngineScan, outcome: 'scanned' | 'gone' | 'failed' | 'given up', ms: number, error?: unknown): void;
  /** Something that is no fault of an engine or image. */
  failed(error: unknown): void;
}

/** How often the queue is looked at while nothing is told, and how often what was lost is looked for (ms). */
const lookMs = 1000;
const recoverMs = 5000;

/**
 * Has engines look at what they were asked about, each in a line of its own. `stop` ends that: what is under way is given back,
 * and goes on in the next process.
 */
export function runEngines(options: EngineRunnerOptions): { wake(): void; stop(): Promise<void> } {
  const { db, now, nodes, engines } = options;
  const stopping = new AbortController();
  const mine = new Set<TakenEngineScan>();
  let wake = Promise.withResolvers<void>();
  let recoveredAt = Number.NEGATIVE_INFINITY;
  let turn: Promise<unknown> = Promise.resolve();

  /** One after the other: what was claimed a moment ago is nothing that was lost. */
  function take(engine: Engine): Promise<TakenEngineScan | undefined> {
    const taken = turn.then(async () => {
      if (stopping.signal.aborted) return undefined;
      if (performance.now() - recoveredAt >= recoverMs) {
        const under = [...mine].map(({ scanId }) => scanId);
        await recoverEngineScans(db, now(), under, nodes);
        recoveredAt = performance.now();
      }
      const scan = await claimEngineScan(db, engine.name, now(), nodes?.self());
      if (scan) mine.add(scan);
      return scan;
    });
    turn = taken.catch(() => {});
    return taken;
  }

  async function run(engine: Engine): Promise<void> {
    while (!stopping.signal.aborted) {
      let taken: TakenEngineScan | undefined;
      try {
        taken = await take(engine);
        if (taken) await runOne(options, engine, taken, stopping.signal);
      } catch (error) {
        if (!stopping.signal.aborted) options.failed(error);
      } finally {
        if (taken) mine.delete(taken);
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

  const runners = engines.flatMap((engine) => Array.from({ length: engine.parallel }, () => run(engine)));
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

async function runOne(
  options: EngineRunnerOptions,
  engine: Engine,
  taken: TakenEngineScan,
  stopping: AbortSignal,
): Promise<void> {
  const { db, now } = options;
  const begun = performance.now();
  const ended = (outcome: Parameters<EngineRunnerOptions['ended']>[1], error?: unknown) =>
    options.ended(taken, outcome, performance.now() - begun, error);
  const late = AbortSignal.timeout(engine.timeoutMs);
  try {
    const image = await imageOf(db, taken);
    if (!image) {
      await forgetEngineScan(db, taken);
      return ended('gone');
    }
    const report = await engine.scan(image, AbortSignal.any([stopping, late]));
    if (await keepReport(db, taken, report)) {
      await evaluate(options, taken);
      await finishEngineScan(db, taken, now());
    }
    ended('scanned');
  } catch (error) {
    if (stopping.aborted) return giveBackEngineScan(db, taken);
    const again = await failEngineScan(db, taken, reasonOf(error, late.aborted, engine), now());
    ended(again ? 'failed' : 'given up', error);
  }
}

/** How often it is begun anew because others have evaluated the image with more knowledge meanwhile. */
const mostTries = 5;

/** Takes what an engine says into the findings of the image, and into the verdicts on it. */
async function evaluate(
  { db, now, knowledge }: EngineRunnerOptions,
  { scanId, digest }: TakenEngineScan,
): Promise<void> {
  for (let tries = 0; tries < mostTries; tries++) {
    await evaluateImage({ db, now }, { scanId, digest }, await knowledge());
    if (await areEvaluated(db, scanId)) return;
  }
  throw new Error('the image was evaluated by others at the same time, again and again');
}

/** What is not an EngineError has words that are for the log alone. */
function reasonOf(error: unknown, isLate: boolean, { timeoutMs }: Engine): { message: string; isFinal: boolean } {
  if (error instanceof EngineError) return error;
  if (isLate) return { message: `it did not end within ${timeoutMs / 1000} s`, isFinal: false };
  return { message: 'it failed here; the log of the server says why', isFinal: false };
}

/** The image, at the first of the places where it is; undefined where it is nowhere, or nothing that engines look at. */
async function imageOf(db: Database, { digest }: TakenEngineScan): Promise<EngineImage | undefined> {
  const [content, [place]] = await Promise.all([contentOf(db, digest), placesOf(db, digest, 1)]);
  const image: ScannableImage | undefined = content && scannable(content);
  if (!content || !image || !place) return undefined;
  return { digest, mediaType: content.mediaType, bytes: content.bytes, place };
}
