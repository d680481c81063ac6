import type { Check } from '../operations/index.ts';
import type { FeedState } from './feed-rows.ts';
import { isStale } from './present.ts';

export interface AdvisoryFacts {
  feeds: readonly Pick<FeedState, 'id' | 'okAt' | 'changedAt'>[];
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

/** What has something new nearly each day. Releases of distributions that are no longer maintained, and small ecosystems, have not. */
const daily = new Set([
  'osv/Debian',
  'osv/Ubuntu',
  'osv/npm',
  'osv/PyPI',
  'osv/Go',
  'osv/Maven',
  'debian-tracker',
  'kev',
  'epss',
]);
const quietMs = 14 * 86_400_000;

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
      const named = namesOf(stale.map(({ id, okAt }) => `${id} (${ageOf(okAt, now)})`));
      return [
        {
          resourceId: serverId,
          problem: `Sources of advisories are not up to date: ${named}`,
          commands: [['bonded', 'advisories', 'sync']],
          ...(!refresh && { settings: { BONDED_ADVISORIES_REFRESH: 'true' } }),
        },
      ];
    },
  },
  {
    id: 'advisories-without-news',
    severity: 'medium',
    title: 'A source of advisories says nothing new',
    why:
      'It is fetched, and counts as up to date, but for two weeks it has brought nothing, though it has something new nearly each ' +
      'day. Most likely it comes from a mirror or a cache that stands still. See where it comes from (bonded advisories status), mend that, and bring it up to date.',
    look({ feeds, maxAge, now, serverId }) {
      const quiet = feeds.filter((feed) => {
        const { id, changedAt } = feed;
        return daily.has(id) && changedAt !== undefined && now - changedAt > quietMs && !isStale(feed, maxAge, now);
      });
      if (quiet.length === 0) return [];
      const named = namesOf(quiet.map(({ id, changedAt }) => `${id} (${ageOf(changedAt, now)})`));
      return [
        {
          resourceId: serverId,
          problem: `Sources of advisories are fetched and say nothing new: ${named}`,
          commands: [['bonded', 'advisories', 'sync']],
        },
      ];
    },
  },
];

function namesOf(all: readonly string[]): string {
  const more = all.length > mostNamed ? ` and ${all.length - mostNamed} more` : '';
  return `${all.slice(0, mostNamed).join(', ')}${more}`;
}

function ageOf(okAt: number | undefined, now: number): string {
  if (okAt === undefined) return 'never';
  if (okAt > now) return 'at a time to come, by a clock that was wrong';
  const hours = Math.floor((now - okAt) / 3_600_000);
  return hours < 48 ? `for ${hours} h` : `for ${Math.floor(hours / 24)} days`;
}
