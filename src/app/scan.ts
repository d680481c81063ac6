import { advisoriesStatus, type AdvisoriesStatus, freshnessOf } from '../advisories/index.ts';
import type { Configuration } from '../configuration.ts';
import type { Uploads } from '../content/index.ts';
import { createLayerReaders } from '../inventory/index.ts';
import { isAlive, startPeriodic } from '../jobs/index.ts';
import {
  createKnowledge,
  followContent,
  lookForWork,
  newRematchState,
  queueState,
  reevaluate,
  runScans,
  trimInventories,
} from '../scanning/index.ts';
import type { Log, Metrics } from '../telemetry/index.ts';
import type { Access } from './access.ts';
import type { Failures } from './background.ts';
import { startEngines } from './engines.ts';
import { publishSboms, type SbomRepositories } from './publish-sboms.ts';
import type { Storage } from './storage.ts';

/** How often it is asked what was pushed, and what advisories have changed (ms). */
const followMs = 200;
const reevaluateMs = 1000;
/** How often images are walked through for those that are to be scanned (ms). */
const lookMs = 600_000;
/** How often the queue is counted (ms). */
const countMs = 15_000;

/** How fresh the oldest source is that speaks of some ecosystems (ms): 0 where none speaks of one, now where there are none. */
const freshnessBy = (feeds: AdvisoriesStatus['feeds'], now: number) => (ecosystems: readonly string[]) =>
  ecosystems.length === 0 ? now : (freshnessOf(feeds, ecosystems, now) ?? 0);

/** The same, asked at each time. */
export function freshAt(db: Storage['db'], now: () => number): (ecosystems: readonly string[]) => Promise<number> {
  return async (ecosystems) => freshnessBy((await advisoriesStatus(db)).feeds, now())(ecosystems);
}

/**
 * Scans what is pushed, in this process and beside others, and keeps what is known of images up to date. Whatever fails here
 * leaves pushes and pulls as they are.
 */
export function startScanning(
  config: Configuration,
  storage: Storage,
  { mirror, directory, identification }: Pick<Access, 'mirror' | 'directory' | 'identification'>,
  uploads: Uploads,
  { log, failed, metrics, now }: { log: Log; failed: Failures; metrics: Metrics; now: () => number },
): (() => Promise<void>)[] {
  const { db, blobs, node } = storage;
  const { scanning } = config;
  const sboms: SbomRepositories = (registryId) => {
    const registry = directory().registries.find(({ id }) => id === registryId);
    const settings = registry && mirror.get(`${registry.resourceId}/scanning/default`);
    return (settings?.properties['sbomRepositories'] as string[] | undefined) ?? [];
  };
  const knowledge = async () => {
    const { revision, feeds } = await advisoriesStatus(db);
    return createKnowledge(db, revision, freshnessBy(feeds, now()));
  };
  const engines = startEngines(config, storage, { identification, directory }, knowledge, { log, failed, now });
  const limits = { memoryBytes: scanning.memory, timeMs: scanning.timeout };
  const readers = createLayerReaders();
  const runner = runScans({
    db,
    blobs,
    now,
    extract: (open, options) => readers.read(open, { ...options, limits }),
    parallel: scanning.parallel,
    timeoutMs: scanning.timeout,
    nodes: node && { self: node.id, isAlive },
    knowledge,
    failed: (error) => failed('scan', error),
    async scanned(digest, inventory) {
      await engines.ask(digest);
      try {
        await publishSboms(storage, uploads, sboms, { digest, inventory });
      } catch (error) {
        // A repository that is full or locked takes none: that is no fault of the scan.
        failed('publish-sbom', error, { digest });
      }
    },
    ended({ digest, reason, attempts }, outcome, ms, error) {
      metrics.scanned(outcome, ms / 1000);
      const said = { digest, reason, attempts, outcome, ms: Math.round(ms) };
      if (error === undefined) log.debug(said, 'scanned');
      else log.warn({ ...said, err: error }, 'an image could not be scanned');
    },
  });
  const periodic = (name: string, intervalMs: number, run: () => Promise<boolean>) =>
    startPeriodic({
      name,
      intervalMs,
      isOurs: node?.lease(name) ?? (() => true),
      run,
      failed: (error) => failed(name, error),
    });
  const state = newRematchState();
  let looked = '';
  let trimmed = '';
  return [
    ...engines.stops,
    async () => {
      await runner.stop();
      await readers.close();
    },
    periodic('follow-content', followMs, async () => {
      const limit = 100;
      const followed = await followContent(db, now, limit);
      if (followed > 0) runner.wake();
      return followed === limit;
    }),
    periodic('look-for-images', lookMs, async () => {
      const { after, asked } = await lookForWork(db, looked, { now: now(), againMs: scanning.interval });
      looked = after;
      if (asked > 0) runner.wake();
      return after !== '';
    }),
    periodic('trim-inventories', lookMs, async () => {
      trimmed = await trimInventories(db, trimmed);
      return trimmed !== '';
    }),
    periodic('evaluate-images', reevaluateMs, async () => (await reevaluate({ db, now }, knowledge, state)).more),
    countQueue(db, { metrics, failed, now }),
  ];
}

function countQueue(
  db: Storage['db'],
  { metrics, failed, now }: { metrics: Metrics; failed: Failures; now: () => number },
): () => Promise<void> {
  return startPeriodic({
    name: 'count-scans',
    intervalMs: countMs,
    isOurs: () => true,
    async run() {
      const { queued, running, failed: left, oldestAt } = await queueState(db);
      metrics.scanQueue.set({ state: 'queued' }, queued);
      metrics.scanQueue.set({ state: 'running' }, running);
      metrics.scanQueue.set({ state: 'failed' }, left);
      metrics.scanWait.set(oldestAt === null ? 0 : Math.max(0, now() - oldestAt) / 1000);
      return false;
    },
    failed: (error) => failed('count-scans', error),
  });
}
