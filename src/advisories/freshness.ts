import type { FeedState } from './feed-rows.ts';
import { trivyEcosystem } from './formats/trivy-db.ts';

/** The ecosystem that a feed speaks of; undefined of one that speaks of all, such as KEV. */
function ecosystemOf(feed: string): string | undefined {
  const [source = '', of = ''] = [feed.split('/', 1)[0], feed.slice(feed.indexOf('/') + 1)];
  if (source === 'osv') return of;
  if (source === 'debian-tracker') return 'Debian';
  if (source === 'alpine-secdb') return 'Alpine';
  return source === 'trivy-db' ? trivyEcosystem(of) : undefined;
}

/**
 * Since when what is known of these ecosystems may be out of date (ms): the oldest of their newest feeds. 0 where no feed speaks
 * of one of them; undefined where none was asked about.
 */
export function freshnessOf(
  feeds: readonly Pick<FeedState, 'id' | 'okAt'>[],
  ecosystems: readonly string[],
): number | undefined {
  const newest = new Map<string, number>();
  for (const { id, okAt = 0 } of feeds) {
    const ecosystem = ecosystemOf(id);
    if (ecosystem !== undefined) newest.set(ecosystem, Math.max(newest.get(ecosystem) ?? 0, okAt));
  }
  const times = ecosystems.map((ecosystem) => newest.get(ecosystem) ?? 0);
  return times.length === 0 ? undefined : Math.min(...times);
}
