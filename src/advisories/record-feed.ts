import { beginFeed, failFeed, findFeed, succeedFeed, SupersededError } from './feed-rows.ts';
import type { ImportContext } from './import-context.ts';
import type { Imported } from './import-records.ts';

/** What came of a feed. */
export interface FeedOutcome extends Omit<Imported, 'reasons' | 'run'> {
  feed: string;
  /** It was fetched, and had not changed. */
  unchanged?: boolean;
  /** Why the first records were left out. */
  reasons?: string[];
}

/** What the work on a feed resolves with. */
export interface FeedUpdate {
  outcome: Partial<Imported> & { unchanged?: boolean };
  etag?: string | undefined;
  position?: string | undefined;
  /** It was imported whole, or found to be as it was by then. */
  whole?: 'imported' | 'confirmed';
  /** What it left undone, for people. */
  note?: string | undefined;
}

export interface RecordedFeed {
  id: string;
  /** Where it comes from, for people. */
  origin: string;
  licence?: string | undefined;
  /** When what is imported was up to date (ms); default: now. */
  at?: number | undefined;
  /** The run that left it as it is found: where another one has begun by the end, nothing is said of what that writes. */
  after?: number | undefined;
  /** How long it is left alone afterwards (ms). */
  everyMs: number;
}

/** Pauses after failures: from a minute to six hours (ms). */
const firstPauseMs = 60_000;
export const longestPauseMs = 6 * 3_600_000;

/** Works on a feed, and writes down how that went: a failure takes away nothing of what is there. */
export async function recordFeed(
  { db, now }: ImportContext,
  { id, origin, licence = '', at, after, everyMs }: RecordedFeed,
  work: () => Promise<FeedUpdate>,
): Promise<FeedOutcome> {
  await beginFeed(db, { id, origin, licence, now: now() });
  try {
    const { outcome, etag, position, whole, note } = await work();
    const { reasons = [], refused, run, ...counts } = outcome;
    await succeedFeed(db, {
      id,
      now: at ?? now(),
      dueAt: now() + everyMs,
      ...(etag !== undefined && { etag }),
      ...(position !== undefined && { position }),
      ...(whole && { whole: { refused: whole === 'imported' ? (refused ?? 0) : undefined } }),
      run: run ?? after,
      note,
    });
    const none = { records: 0, added: 0, changed: 0, removed: 0, components: 0 };
    return { feed: id, ...none, ...counts, refused: refused ?? 0, ...(reasons.length > 0 && { reasons }) };
  } catch (error) {
    if (error instanceof SupersededError) throw error;
    const failures = (await findFeed(db, id))?.failures ?? 0;
    const pauseMs = Math.min(firstPauseMs * 2 ** Math.min(failures, 16), longestPauseMs);
    await failFeed(db, { id, error: messageOf(error), dueAt: now() + pauseMs });
    throw error;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : String(error);
}
