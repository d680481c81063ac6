import type { Selectable } from 'kysely';
import type { Database, LookUps, Tables, Transaction } from '../database/index.ts';
import { lockClock } from './clock.ts';
import { AdvisoryImportError } from './import-error.ts';
import './tables.ts';

/** How fresh a feed is. Times are ms; undefined: never. */
export interface FeedState {
  id: string;
  /** Where it came from last. */
  origin: string;
  licence: string;
  etag: string;
  position: string;
  records: number;
  /** Records of the last whole import that were left out. */
  refused: number;
  revision: number;
  okAt: number | undefined;
  attemptAt: number | undefined;
  wholeAt: number | undefined;
  /** When it was up to date first with what it has now: since then it has brought nothing new. */
  changedAt: number | undefined;
  /** Why the last attempt failed, or what it left undone. */
  error: string | undefined;
  failures: number;
  dueAt: number;
  /** Counts those who began to write its records. */
  run: number;
}

const columns =
  'id, origin, licence, etag, position, records, refused, revision, ok_at, attempt_at, whole_at, error, failures, due_at, run, changed_at';

/** Feeds there may be: ecosystems, and releases of distributions. */
const mostFeeds = 1000;

type Row = Selectable<Tables['advisory_feeds']>;

export async function listFeeds(db: LookUps): Promise<FeedState[]> {
  const rows = await db.all<Row>(`SELECT ${columns} FROM advisory_feeds ORDER BY id LIMIT ?`, [mostFeeds]);
  return rows.map(stateOf);
}

export async function findFeed(db: LookUps, id: string): Promise<FeedState | undefined> {
  const row = await db.first<Row>(`SELECT ${columns} FROM advisory_feeds WHERE id = ?`, [id]);
  return row && stateOf(row);
}

/** Whether a feed is as a layer has it. */
export async function isLayerKnown(db: LookUps, digest: string): Promise<boolean> {
  return (await db.first('SELECT 1 AS known FROM advisory_feeds WHERE etag = ? LIMIT 1', [digest])) !== undefined;
}

/**
 * Records that a feed is being fetched; makes its row where it is new. What another place had, from where it came before, says nothing
 * of what this one has.
 */
export async function beginFeed(
  db: Database,
  { id, origin, licence, now }: { id: string; origin: string; licence: string; now: number },
): Promise<void> {
  await db.change(
    `INSERT INTO advisory_feeds (${columns}) VALUES (?, ?, ?, '', '', 0, 0, 0, 0, ?, 0, '', 0, 0, 0, 0)
      ON CONFLICT (id) DO UPDATE SET attempt_at = excluded.attempt_at, origin = excluded.origin, licence = excluded.licence,
        etag = CASE WHEN advisory_feeds.origin = excluded.origin THEN advisory_feeds.etag ELSE '' END,
        position = CASE WHEN advisory_feeds.origin = excluded.origin THEN advisory_feeds.position ELSE '' END
      RETURNING id`,
    [id, origin, licence, now],
  );
}

/**
 * To be called before the records of a feed are written: resolves with the number under which that is done. Whoever began before,
 * in whatever process, writes nothing from here on. `whole`: what is stored is not what any export or increment was until all of it
 * is written, so that neither an ETag nor a position says that it is. `after`: what is written goes on from what this run has left.
 * Throws SupersededError where another one has begun since, or the feed was taken away.
 */
export async function beginRun(
  db: Database,
  id: string,
  { whole, after }: { whole: boolean; after?: number | undefined },
): Promise<number> {
  return db.write(async (tx) => {
    // Those who write records hold it: none of them is in the middle.
    await lockClock(tx);
    if (after !== undefined) await requireRun(tx, id, after);
    const row = await tx.first<{ run: number }>(
      `UPDATE advisory_feeds SET run = run + 1${whole ? `, etag = '', position = ''` : ''} WHERE id = ? RETURNING run`,
      [id],
    );
    if (!row) throw new SupersededError(`${id} was taken away meanwhile`);
    // Nor is it as the artifact had it by then.
    if (whole && id.startsWith('trivy-db/'))
      tx.send(`UPDATE advisory_feeds SET position = '' WHERE id = 'trivy-db'`, []);
    return row.run;
  });
}

/** To be called with the lock of the clock. Throws SupersededError where somebody else has begun since. */
export async function requireRun(tx: Transaction, id: string, run: number): Promise<void> {
  const row = await tx.first<{ run: number }>('SELECT run FROM advisory_feeds WHERE id = ?', [id]);
  if (row?.run === run) return;
  throw new SupersededError(
    row ? `another update of ${id} has begun meanwhile, and goes on instead` : `${id} was taken away meanwhile`,
  );
}

/** Somebody else writes the records of the feed now: how fresh it is, is theirs to say. */
export class SupersededError extends AdvisoryImportError {}

export interface FeedSuccess {
  id: string;
  now: number;
  dueAt: number;
  /** What the feed goes on from; left out: as it was. */
  etag?: string;
  position?: string;
  /** It was fetched whole; so many of its records were left out: left out where they have not been read. */
  whole?: { refused?: number | undefined };
  /** Under which its records were written: where somebody else writes them by now, they say how fresh it is. */
  run?: number | undefined;
  /** What was left undone. */
  note?: string | undefined;
}

/** It is up to date. */
export async function succeedFeed(
  db: Database,
  { id, now, dueAt, etag, position, whole, run, note = '' }: FeedSuccess,
): Promise<void> {
  await db.change(
    `UPDATE advisory_feeds SET ok_at = ?, due_at = ?, error = ?, failures = 0, etag = COALESCE(?, etag),
        position = COALESCE(?, position), whole_at = COALESCE(?, whole_at), refused = COALESCE(?, refused),
        changed_at = CASE WHEN revision <> changed_revision OR changed_at = 0 OR changed_at > ? THEN ? ELSE changed_at END,
        changed_revision = revision
      WHERE id = ? AND run = COALESCE(?, run) RETURNING id`,
    [
      now,
      dueAt,
      note.slice(0, 1000),
      etag ?? null,
      position ?? null,
      whole ? now : null,
      whole?.refused ?? null,
      // It was changed by then, whatever a clock that was wrong has said.
      now,
      now,
      id,
      run ?? null,
    ],
  );
}

/** It is being taken away. */
export async function forgetFreshness(db: Database, id: string): Promise<void> {
  await db.change('UPDATE advisory_feeds SET ok_at = 0, whole_at = 0 WHERE id = ? RETURNING id', [id]);
}

/** What is stored of a feed still was all that there is, at a time (ms). */
export async function confirmFeed(db: Database, id: string, { at, now }: { at: number; now: number }): Promise<void> {
  await db.change(
    `UPDATE advisory_feeds SET ok_at = ?, error = '', failures = 0 WHERE id = ? AND (ok_at < ? OR ok_at > ?) RETURNING id`,
    [at, id, at, now],
  );
}

/** The same of the feeds whose ids begin with a text, such as `trivy-db/`, that are as a layer had them; now. Resolves with their number. */
export async function confirmFeedsOf(db: Database, prefix: string, digest: string, now: number): Promise<number> {
  const confirmed = await db.change(
    `UPDATE advisory_feeds SET ok_at = ?, error = '', failures = 0 WHERE id > ? AND id < ? AND etag = ? RETURNING id`,
    [now, prefix, `${prefix}\u{10ffff}`, digest],
  );
  return confirmed.length;
}

/** What is stored of it stays. */
export async function failFeed(
  db: Database,
  { id, error, dueAt }: { id: string; error: string; dueAt: number },
): Promise<void> {
  await db.change(
    'UPDATE advisory_feeds SET error = ?, failures = failures + 1, due_at = ? WHERE id = ? RETURNING id',
    [error.slice(0, 1000), dueAt, id],
  );
}

function stateOf(row: Row): FeedState {
  const { id, origin, licence, etag, position, records, refused, revision, failures, run } = row;
  const time = (ms: number) => (ms === 0 ? undefined : ms);
  return {
    id,
    origin,
    licence,
    etag,
    position,
    records,
    refused,
    revision,
    okAt: time(row.ok_at),
    attemptAt: time(row.attempt_at),
    wholeAt: time(row.whole_at),
    changedAt: time(row.changed_at),
    error: row.error === '' ? undefined : row.error,
    failures,
    dueAt: row.due_at,
    run,
  };
}
