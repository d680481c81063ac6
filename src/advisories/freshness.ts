import type { FeedState } from './feed-rows.ts';
import { ecosystemOfBucket } from './formats/trivy-db.ts';

/** Clocks differ by so much at most: a time further ahead was written by one that was wrong (ms). */
export const leewayMs = 3_600_000;

/**
 * How fresh what is known of some ecosystems is (ms): of each the source that was up to date last, and of those the oldest.
 * Undefined where nothing is known of one of them. `now`: times that lie behind it were written by a clock that was wrong, and say
 * nothing.
 */
export function freshnessOf(
  feeds: readonly Pick<FeedState, 'id' | 'okAt'>[],
  ecosystems: readonly string[],
  now: number,
): number | undefined {
  const newest = new Map<string, number>();
  for (const { id, okAt = 0 } of feeds) {
    const ecosystem = ecosystemOfFeed(id);
    if (ecosystem !== undefined && okAt <= now + leewayMs && okAt > (newest.get(ecosystem) ?? 0))
      newest.set(ecosystem, okAt);
  }
  const found = ecosystems.map((ecosystem) => newest.get(ecosystem));
  if (found.length === 0 || found.includes(undefined)) return undefined;
  return Math.min(...(found as number[]));
}

/** What a feed speaks of; undefined for those that speak of all, such as KEV. */
function ecosystemOfFeed(id: string): string | undefined {
  const [source, ...rest] = id.split('/');
  if (source === 'osv') return rest.join('/');
  if (source === 'debian-tracker') return 'Debian';
  if (source === 'alpine-secdb') return 'Alpine';
  return source === 'trivy-db' && rest.length > 0 ? ecosystemOfBucket(rest.join('/')) : undefined;
}
