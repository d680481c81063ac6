import type { LookUps } from '../database/index.ts';
import type { AdvisoriesConfig, FeedSource } from './config.ts';
import { findFeed, listFeeds } from './feed-rows.ts';
import { type Feed, feedsOf, type RefreshContext, type SeenEcosystems } from './feeds/feeds.ts';
import { type FeedOutcome, longestPauseMs, messageOf, recordFeed } from './record-feed.ts';
import './tables.ts';

/** Ecosystems, and releases of one, that there may be. */
const mostSeen = 100;

/** What there are components of: a look-up for each, whatever their number. */
export async function seenEcosystems(db: LookUps): Promise<SeenEcosystems> {
  const ecosystems: string[] = [];
  for (let after = ''; ecosystems.length < mostSeen;) {
    const row = await db.first<{ ecosystem: string }>(
      'SELECT ecosystem FROM components WHERE ecosystem > ? ORDER BY ecosystem LIMIT 1',
      [after],
    );
    if (!row) break;
    ecosystems.push((after = row.ecosystem));
  }
  const alpine: string[] = [];
  for (let after = ''; ecosystems.includes('Alpine') && alpine.length < mostSeen;) {
    const row = await db.first<{ release: string }>(
      `SELECT release FROM components WHERE ecosystem = 'Alpine' AND release > ? ORDER BY ecosystem, release LIMIT 1`,
      [after],
    );
    if (!row) break;
    alpine.push((after = row.release));
  }
  return { ecosystems, alpine: alpine.filter((release) => /^(?:v[0-9]+\.[0-9]+|edge)$/.test(release)) };
}

export interface RefreshOutcome {
  feeds: FeedOutcome[];
  failed: { feed: string; error: string }[];
  /** Whether some are left that are due. */
  more: boolean;
}

export interface RefreshChoice {
  /** Default: those of the configuration. */
  sources?: readonly FeedSource[] | undefined;
  /** Beside those of the configuration and of components. */
  ecosystems?: readonly string[] | undefined;
  /** Also those that are not due yet. */
  all: boolean;
  /** At most so many; default: all. */
  most?: number;
  /** Told of each that failed: the others come all the same. */
  failed?(feed: string, error: unknown): void;
}

/** Brings feeds up to date, one after the other. What fails is tried again later, and takes nothing away. */
export async function refreshFeeds(
  context: RefreshContext,
  config: AdvisoriesConfig,
  { sources, ecosystems = [], all, most = Number.POSITIVE_INFINITY, failed }: RefreshChoice,
): Promise<RefreshOutcome> {
  const { db, now } = context;
  const seen = await seenEcosystems(db);
  const wanted = { ...config, ecosystems: [...config.ecosystems, ...ecosystems] };
  const states = new Map((await listFeeds(db)).map((state) => [state.id, state]));
  const feeds = feedsOf(wanted, seen, [...(sources ?? config.sources)]);
  const isDue = ({ id, origin, everyMs }: Feed) => {
    const state = states.get(id);
    // Somebody has configured another place.
    return all || !state || state.origin !== origin || state.dueAt <= now() || isOdd(state.dueAt - now(), everyMs);
  };
  const due = feeds.filter(isDue);
  const outcome: RefreshOutcome = { feeds: [], failed: [], more: due.length > most };
  for (const feed of due.slice(0, most)) {
    context.fetcher.signal.throwIfAborted();
    context.progress?.(feed.id, 0);
    try {
      // As it is by now: those before it may have taken long.
      outcome.feeds.push(await refreshOne(context, feed, await findFeed(db, feed.id)));
    } catch (error) {
      context.fetcher.signal.throwIfAborted();
      outcome.failed.push({ feed: feed.id, error: messageOf(error) });
      failed?.(feed.id, error);
    }
  }
  return outcome;
}

/** Nothing is left alone for that long: a clock was wrong when it was written. */
const isOdd = (pauseMs: number, everyMs: number) => pauseMs > Math.max(everyMs, longestPauseMs);

function refreshOne(context: RefreshContext, feed: Feed, state: Parameters<Feed['refresh']>[1]): Promise<FeedOutcome> {
  const { id, origin, licence, everyMs } = feed;
  // What another place had says nothing of what this one has.
  const known = state?.origin === origin ? state : undefined;
  return recordFeed(context, { id, origin, licence, after: state?.run, everyMs }, () => feed.refresh(context, known));
}
