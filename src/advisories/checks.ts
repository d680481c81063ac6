import type { Check } from '../operations/index.ts';
import type { FeedState } from './feed-rows.ts';
import { isStale } from './present.ts';

export interface AdvisoryFacts {
  feeds: readonly Pick<FeedState, 'id' | 'okAt' | 'error'>[];
  /** `advisories.maxAge` (ms). */
  maxAge: number;
  /** Whether the server fetches them by itself. */
  refresh: boolean;
  now: number;
  /** What stands for the server as a whole. */
  serverId: string;
}

/** Sources that are told by name. */
const mostNamed = 5;

export const advisoryChecks: readonly Check<AdvisoryFacts>[] = [
  {
    id: 'stale-advisories',
    severity: 'medium',
    title: 'What is known of vulnerabilities is old',
    why:
      'A vulnerability that was published since is not found in any image, however often that is scanned. Bring the sources ' +
      'up to date, or let the server do so by itself (advisories.refresh); where it may not reach them, from a mirror or a bundle. A source that nobody wants any more is taken away by bonded ' +
      'advisories remove.',
    look({ feeds, maxAge, refresh, now, serverId }) {
      const stale = feeds.filter((feed) => isStale(feed, maxAge, now));
      if (stale.length === 0) return [];
      const named = stale.slice(0, mostNamed).map(({ id, okAt }) => `${id} (${ageOf(okAt, now)})`);
      const more = stale.length > mostNamed ? ` and ${stale.length - mostNamed} more` : '';
      return [
        {
          resourceId: serverId,
          problem: `Sources of advisories are not up to date: ${named.join(', ')}${more}`,
          commands: [['bonded', 'advisories', 'sync']],
          ...(!refresh && { settings: { BONDED_ADVISORIES_REFRESH: 'true' } }),
        },
      ];
    },
  },
];

function ageOf(okAt: number | undefined, now: number): string {
  if (okAt === undefined) return 'never';
  if (okAt > now) return 'at a time to come, by a clock that was wrong';
  const hours = Math.floor((now - okAt) / 3_600_000);
  return hours < 48 ? `for ${hours} h` : `for ${Math.floor(hours / 24)} days`;
}
