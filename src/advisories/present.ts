import { artifactFeeds } from './bundle.ts';
import type { FeedState } from './feed-rows.ts';
import { freshnessOf, leewayMs } from './freshness.ts';
import type { AdvisoriesStatus } from './status.ts';

/** Whether a feed was not up to date for too long (ms), or it is not known when it was. */
export function isStale({ okAt }: Pick<FeedState, 'okAt'>, maxAgeMs: number, now: number): boolean {
  return okAt === undefined || now - okAt > maxAgeMs || okAt - now > leewayMs;
}

/** What the management API shows of the advisories. */
export function presentAdvisories(
  { revision, feeds }: AdvisoriesStatus,
  {
    ecosystems,
    maxAge,
    refresh,
    now,
  }: { ecosystems: readonly string[]; maxAge: number; refresh: boolean; now: number },
) {
  const time = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString());
  return {
    revision,
    records: feeds.reduce((sum, { records }) => sum + records, 0),
    stale: feeds.length === 0 || feeds.some((feed) => isStale(feed, maxAge, now)),
    refresh,
    ecosystems: ecosystems.map((name) => ({ name, lastSuccess: time(freshnessOf(feeds, [name], now)) })),
    feeds: feeds.map((feed) => ({
      name: feed.id,
      origin: feed.origin,
      licence: feed.licence,
      records: feed.records,
      refused: feed.refused,
      revision: feed.revision,
      lastSuccess: time(feed.okAt),
      // What an artifact has brought are feeds of their own, which say when it changed.
      lastChange: artifactFeeds.has(feed.id) ? undefined : time(feed.changedAt),
      lastAttempt: time(feed.attemptAt),
      lastError: feed.error,
      ageSeconds: feed.okAt === undefined ? undefined : Math.max(0, Math.round((now - feed.okAt) / 1000)),
      stale: isStale(feed, maxAge, now),
    })),
  };
}
