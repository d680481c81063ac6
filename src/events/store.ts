import { aheadMs, type Database, type Transaction } from '../database/index.ts';
import './tables.ts';

/** A place between two events. `start` lies before the first. */
export interface EventCursor {
  xid: number;
  id: number;
}

export const start: EventCursor = { xid: 0, id: 0 };

export interface NewEvent {
  registryId: number;
  /** `<thing>.<what happened>`, such as `manifest.pushed`. */
  type: string;
  data: Record<string, unknown>;
  /** Time of the change (ms). */
  at: number;
}

export interface Event extends NewEvent, EventCursor {}

/** Records an event in the transaction that changes the fact: both happen, or neither. */
export function appendEvent(tx: Transaction, { registryId, type, data, at }: NewEvent): void {
  tx.send('INSERT INTO events (registry_id, type, data, at) VALUES (?, ?, ?, ?)', [
    registryId,
    type,
    JSON.stringify(data),
    at,
  ]);
}

interface Row {
  id: number;
  xid: number;
  registry_id: number;
  type: string;
  data: string;
  at: number;
}

const columns = 'SELECT id, xid, registry_id, type, data, at FROM events WHERE';
const statements = {
  sqlite: `${columns} (xid, id) > (?, ?) ORDER BY xid, id LIMIT ?`,
  // A transaction that began earlier may still commit events with lower numbers: stop short of the oldest open one.
  // That is the oldest of the whole server: a long transaction of another of its databases delays our events too.
  postgres: `${columns} (xid, id) > (?, ?) AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    ORDER BY xid, id LIMIT ?`,
};

/**
 * Events after a cursor, in an order that no later commit can change. They are durable: otherwise a power cut could
 * take back what a subscriber has told others, and give its number to another event, which they would then miss.
 */
export async function readEvents(db: Database, after: EventCursor, limit: number): Promise<Event[]> {
  const rows = await db.all<Row>(statements[db.dialect], [after.xid, after.id, limit]);
  if (rows.length > 0) await db.settle();
  return rows.map((row) => ({
    xid: row.xid,
    id: row.id,
    registryId: row.registry_id,
    type: row.type,
    data: JSON.parse(row.data) as Record<string, unknown>,
    at: row.at,
  }));
}

/** How far a subscriber has come. From its first call on, events are kept until it has seen them. */
export async function cursorOf(db: Database, subscriber: string): Promise<EventCursor> {
  const row = await db.first<EventCursor>('SELECT xid, id FROM event_cursors WHERE subscriber = ?', [subscriber]);
  if (!row) await db.write((tx) => moveCursor(tx, subscriber, start));
  return row ?? start;
}

/** Moves a cursor forward, never back: of two consumers that overlap, the slower one must not undo the other's work. */
export async function moveCursor(tx: Transaction, subscriber: string, to: EventCursor): Promise<void> {
  await tx
    .insertInto('event_cursors')
    .values({ subscriber, xid: to.xid, id: to.id })
    .onConflict((conflict) =>
      conflict
        .column('subscriber')
        .doUpdateSet({ xid: to.xid, id: to.id })
        .where(({ eb, refTuple, tuple }) =>
          eb(refTuple('event_cursors.xid', 'event_cursors.id'), '<', tuple(to.xid, to.id)),
        ),
    )
    .execute();
}

/**
 * Removes the first events that are older than `before` (ms) and that every subscriber has passed. Looks at `limit` of
 * them: where the first are young, all behind them would be read in vain. Those of a time to come were written while a clock
 * was wrong, and would keep all others until then: they go, too. Returns how many went.
 */
export async function trimEvents(db: Database, before: number, limit = 1000, now = Date.now()): Promise<number> {
  return db.write(async (tx) => {
    const slowest = await tx
      .selectFrom('event_cursors')
      .select(['xid', 'id'])
      .orderBy('xid')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
    let first = tx.selectFrom('events').select(['id', 'at']).orderBy('xid').orderBy('id').limit(limit);
    if (slowest) {
      first = first.where(({ eb, refTuple, tuple }) => eb(refTuple('xid', 'id'), '<=', tuple(slowest.xid, slowest.id)));
    }
    const old = tx
      .selectFrom(first.as('first'))
      .select('first.id')
      .where(({ eb, or }) => or([eb('first.at', '<', before), eb('first.at', '>', now + aheadMs)]));
    const result = await tx.deleteFrom('events').where('id', 'in', old).executeTakeFirst();
    return Number(result.numDeletedRows);
  });
}
