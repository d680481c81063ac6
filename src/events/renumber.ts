import type { Database } from '../database/index.ts';
import './tables.ts';

/** The number that this server gives to its next transaction: nothing that it has written itself has one so high. */
const next = 'pg_snapshot_xmax(pg_current_snapshot())::text::bigint';

const isForeign = `SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM events WHERE xid >= ${next})
  OR EXISTS (SELECT 1 FROM event_cursors WHERE xid >= ${next})`;

/**
 * Behind the last event that a subscriber has passed without gap, by ids alone. These are not in the order of commits, so that
 * it may see some again. What has a higher id than all that was restored came afterwards, from a node that did not know.
 */
const lastSeen = `SELECT min(e.id) - 1 FROM events e WHERE (e.xid, e.id) > (c.xid, c.id)
  OR e.id > GREATEST(c.id, (SELECT max(id) FROM events WHERE xid >= ${next}))`;

/**
 * A dump that was restored into another PostgreSQL has the numbers of the transactions of the first, and those of the other
 * begin anew: what happens from then on would lie before every cursor, and subscribers never hear of it. Takes the numbers
 * out of what was restored; to be called before anything is published. True where that was so.
 */
export async function renumberEvents(db: Database): Promise<boolean> {
  if (db.dialect === 'sqlite' || !(await db.first(isForeign, []))) return false;
  return db.write(async (tx) => {
    await tx.run('LOCK TABLE event_cursors, events IN SHARE ROW EXCLUSIVE MODE', []);
    // Another node may have been faster.
    if (!(await tx.first(isForeign, []))) return false;
    await tx.run(
      `UPDATE event_cursors AS c SET xid = 0, id = COALESCE((${lastSeen}), (SELECT max(id) FROM events), c.id)`,
      [],
    );
    await tx.run('UPDATE events SET xid = 0 WHERE xid <> 0', []);
    return true;
  });
}
