import type { Admission } from '../admission/index.ts';
import {
  collectRetired,
  collectStep,
  countStorage,
  emptyRetired,
  foldStorage,
  purgeDeleted,
  trimTagHistory,
} from '../catalog/index.ts';
import type { Configuration } from '../configuration.ts';
import { sweepDeleted, type Uploads } from '../content/index.ts';
import { trimEvents } from '../events/index.ts';
import { createPace, startPeriodic } from '../jobs/index.ts';
import type { Log, Metrics } from '../telemetry/index.ts';
import { keyIntervals } from '../keys/index.ts';
import type { Management } from '../management/index.ts';
import type { Access } from './access.ts';
import type { Storage } from './storage.ts';

/** How long events are kept at least (ms), also when every subscriber has passed them. */
const eventAgeMs = 7 * 86_400_000;

export type Failures = (job: string, error: unknown, detail?: Record<string, unknown>) => void;

/** Counts and logs what fails in the background. */
export function createFailures(metrics: Metrics, log: Log): Failures {
  return (job, error, detail = {}) => {
    metrics.backgroundFailures.inc({ job });
    log.error({ job, err: error, ...detail }, 'background work failed; it is tried again');
  };
}

/**
 * Background work. Each round is small, so that requests never wait for it. Among nodes one does it at a time, each job
 * under a lease. Economy alone demands that: every job is right, however many do it at once.
 */
export function startBackground(
  config: Configuration,
  { db, blobs, catalog, node }: Storage,
  { keys, operations, resources }: Access,
  uploads: Uploads,
  admission: Pick<Admission, 'background'>,
  metrics: Metrics,
  { log, failed }: { log: Log; failed: Failures },
) {
  const periodic = (name: string, intervalMs: number, run: () => Promise<boolean>, isWanted?: () => boolean) =>
    startPeriodic({
      name,
      intervalMs,
      isOurs: node?.lease(name, isWanted) ?? (() => true),
      run,
      failed: (error) => failed(name, error),
    });
  const pace = createPace();
  let folded = 0;
  let purged = 0;
  return [
    periodic('collect', config.gc.interval, async () => {
      const limit = 100;
      const { failures, ...done } = await collectStep(catalog, limit, pace.rest);
      for (const { candidate, error } of failures) failed('collect', error, { candidate });
      const swept = await sweepDeleted(db, blobs, limit);
      metrics.collected.inc({ kind: 'link' }, done.links);
      metrics.collected.inc({ kind: 'manifest' }, done.manifests);
      metrics.collected.inc({ kind: 'blob' }, swept.blobs);
      metrics.reclaimedBytes.inc(swept.bytes);
      const { links, manifests, repositories } = done;
      const removed = { links, manifests, repositories, ...swept };
      if (links + manifests + repositories + swept.blobs > 0) log.info(removed, 'collected garbage');
      const more = done.examined === limit || swept.blobs === limit;
      if (!more) pace.done();
      return more;
    }),
    // What was deleted whole, and nobody can reach any more.
    periodic('collect-deleted', config.gc.interval, async () => {
      const repositories = await emptyRetired(catalog);
      return (await collectRetired(catalog)) || repositories;
    }),
    // What was deleted, and has been kept for as long as its registry says.
    periodic('purge-deleted', 60_000, async () => {
      const { manifests, from, more } = await purgeDeleted(catalog, purged);
      purged = from;
      metrics.collected.inc({ kind: 'deleted-manifest' }, manifests);
      if (manifests > 0) log.info({ manifests }, 'purged deleted manifests');
      return more;
    }),
    // As often as a push under a limit should have little to read.
    periodic('fold-storage', 250, async () => {
      const { from, more } = await foldStorage(catalog, folded);
      folded = from;
      return more;
    }),
    // Of a database that was there before storage was counted; nothing to do afterwards.
    periodic('count-storage', 60_000, async () => {
      const more = await countStorage(catalog);
      // So that writers have as long as it takes.
      if (more) await Bun.sleep(20);
      return more;
    }),
    periodic('sweep-uploads', Math.min(600_000, config.uploads.expiry), async () => {
      const swept = await uploads.sweep(Date.now() - config.uploads.expiry);
      metrics.sweptUploads.inc(swept.uploads);
      return swept.more;
    }),
    periodic('trim-events', 600_000, async () => (await trimEvents(db, Date.now() - eventAgeMs)) > 0),
    periodic('trim-tag-history', 600_000, () => trimTagHistory(catalog, config.tags.history)),
    periodic('admission-events', 500, () => admission.background.followEvents(), admission.background.isForUs),
    periodic('admission-rules', 500, () => admission.background.followRules(), admission.background.isForUs),
    periodic('admission-verdicts', 500, () => admission.background.recompute(), admission.background.isForUs),
    periodic('rotate-keys', keyIntervals.rotateMs, async () => {
      const { made, dropped } = await keys.rotate();
      if (made !== undefined || dropped.length > 0) log.info({ made, dropped }, 'rotated keys');
      return false;
    }),
    periodic('trim-resources', 600_000, async () => {
      const [tombstones, ended] = [await resources.trimTombstones(Date.now() - eventAgeMs), await operations.trim()];
      return tombstones + ended > 0;
    }),
    // Stops are called from the last to the first.
    pace.hurry,
  ];
}

/** How often operations are looked for that nobody carries out (ms). */
const takeUpMs = 500;

/** Takes up what takes longer than a request, in every process that may: each takes what no other one has. */
export function takeUpOperations({ takeUp }: Pick<Management, 'takeUp'>, failed: Failures): () => Promise<void> {
  return startPeriodic({
    name: 'take-up-operations',
    intervalMs: takeUpMs,
    isOurs: () => true,
    run: async () => (await takeUp(), false),
    failed: (error) => failed('take-up-operations', error),
  });
}
