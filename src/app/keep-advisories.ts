import { advisoriesStatus, type AdvisoriesStatus, refreshFeeds } from '../advisories/index.ts';
import type { Configuration } from '../configuration.ts';
import { startPeriodic } from '../jobs/index.ts';
import type { Log, Metrics } from '../telemetry/index.ts';
import type { Failures } from './background.ts';
import { refreshContext } from './refresh-context.ts';
import type { Storage } from './storage.ts';

/** How often it is asked which sources are due, and how fresh they are (ms). */
const lookMs = 60_000;

/**
 * Keeps advisories up to date where the configuration says so: one source a round, by one node for all. Says in the metrics how
 * fresh they are in any case.
 */
export function keepAdvisories(
  config: Configuration,
  storage: Storage,
  metrics: Metrics,
  { log, failed, now }: { log: Log; failed: Failures; now: () => number },
): (() => Promise<void>)[] {
  const ending = new AbortController();
  const name = 'refresh-advisories';
  let known: AdvisoriesStatus | undefined;
  const measure = async () => void (known = await advisoriesStatus(storage.db));
  metrics.onScrape(() => {
    for (const { id, okAt = 0, records } of known?.feeds ?? []) {
      metrics.advisoryAge.set({ feed: id }, Math.max(0, (now() - okAt) / 1000));
      metrics.advisoryRecords.set({ feed: id }, records);
    }
  });
  const stops = [
    startPeriodic({
      name: 'measure-advisories',
      intervalMs: lookMs / 2,
      isOurs: () => true,
      run: async () => (await measure(), false),
      failed: (error) => failed('measure-advisories', error),
    }),
  ];
  if (!config.advisories.refresh) return stops;
  const refresh = startPeriodic({
    name,
    intervalMs: Math.min(lookMs, config.advisories.interval),
    isOurs: storage.node?.lease(name) ?? (() => true),
    async run() {
      // One of its own for each round, so that its rests are those of work that has just begun.
      const context = refreshContext(config, storage, { signal: ending.signal, now });
      const { feeds, more } = await refreshFeeds(context, config.advisories, {
        all: false,
        most: 1,
        failed: (feed, error) => failed(name, error, { feed }),
      });
      for (const feed of feeds)
        if (feed.added + feed.changed + feed.removed > 0) log.info({ ...feed }, 'advisories have changed');
      if (feeds.length > 0) await measure();
      return more;
    },
    failed: (error) => failed(name, error),
  });
  // What is being fetched is given up first, so that nobody waits for it.
  const stop = async () => {
    ending.abort(new Error('this process ends'));
    await refresh();
  };
  return [...stops, stop];
}
