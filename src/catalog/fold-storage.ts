import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import { usageColumns } from './usage.ts';
import './tables.ts';

/*
 * On PostgreSQL what changes storage appends a row for each registry and repository, and here these rows become sums:
 *
 *   storage_deltas  xid:  …  97  98  99 | 101  104  105 …      those of transactions that have ended are summed up,
 *   storage_usage   folded_to:      100 ┘                      and go; a newer sum is another row, and the older one goes
 *
 * Whoever reads takes the newest sum and what has come since. All rows that have gone lie behind it, so that nobody has to
 * find their way through them while a dump keeps them from being removed for good.
 */

/** Rows of a round. */
const atOnce = 100;

/** Of one process at a time. Economy alone: a sum is made of the one before it and of what that one lacks. */
const lock = 4_271_992_314;

interface Delta {
  xid: number;
  registry_id: number;
  repository_id: number;
}

/**
 * Sums up what transactions that have ended have added; `from`: the number before which nothing was left, 0 if that is not
 * known. Resolves with the next one, and whether there is more to do at once.
 */
export async function foldStorage({ db }: Catalog, from = 0): Promise<{ from: number; more: boolean }> {
  if (db.dialect === 'sqlite') return { from, more: false };
  // An idle registry writes nothing.
  const any = await db.all('SELECT 1 FROM storage_deltas WHERE xid >= ? LIMIT 1', [from]);
  if (any.length === 0) return { from, more: false };
  return db.write(async (tx) => {
    const [mine] = await tx.all<{ mine: number }>('SELECT pg_try_advisory_xact_lock(?) AS mine', [lock]);
    return mine!.mine ? fold(tx, from) : { from, more: false };
  });
}

async function fold(tx: Transaction, from: number): Promise<{ from: number; more: boolean }> {
  const rows = await tx.all<Delta>(
    `SELECT xid, registry_id, repository_id FROM storage_deltas
      WHERE xid >= ? AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint ORDER BY xid LIMIT ${atOnce}`,
    [from],
  );
  const [first, last] = [rows[0], rows.at(-1)];
  if (!first || !last) return { from, more: false };
  const more = rows.length === atOnce;
  // The last transaction may have more rows. One that has more than a round is read to its end.
  const isOne = more && first.xid === last.xid;
  const to = more && !isOne ? last.xid : last.xid + 1;
  const whole = isOne ? await reposOf(tx, last.xid) : rows.filter(({ xid }) => xid < to);
  const places = new Map(whole.map((row) => [`${row.registry_id} ${row.repository_id}`, row]));
  for (const { registry_id, repository_id } of places.values()) sumUp(tx, [registry_id, repository_id], to);
  return { from: to, more };
}

function reposOf(tx: Transaction, xid: number): Promise<Omit<Delta, 'xid'>[]> {
  return tx.all('SELECT DISTINCT registry_id, repository_id FROM storage_deltas WHERE xid = ?', [xid]);
}

const newest = `SELECT folded_to, ${usageColumns.join(', ')} FROM storage_usage
  WHERE registry_id = ? AND repository_id = ? ORDER BY folded_to DESC LIMIT 1`;
/** As usage.ts reads them, up to a number. */
const lacking = `FROM storage_deltas d WHERE d.registry_id = ? AND d.repository_id = ? AND d.xid + 0 < ?
  AND d.xid + 0 >= COALESCE((SELECT folded_to FROM folded
    WHERE folded_to <= pg_snapshot_xmax(pg_current_snapshot())::text::bigint), 0)`;
const sum = `WITH folded AS (${newest})
  INSERT INTO storage_usage (registry_id, repository_id, folded_to, ${usageColumns.join(', ')})
  SELECT ?::bigint, ?::bigint, ?::bigint,
    ${usageColumns.map((name) => `COALESCE(SUM(d.${name}), 0) + COALESCE((SELECT ${name} FROM folded), 0)`).join(', ')}
  ${lacking} ON CONFLICT (registry_id, repository_id, folded_to)
  DO UPDATE SET ${usageColumns.map((name) => `${name} = excluded.${name}`).join(', ')}`;

/** What the new sum has, and the one before it had not. */
const gone = `DELETE FROM storage_deltas WHERE registry_id = ? AND repository_id = ? AND xid + 0 < ?
  AND xid + 0 >= COALESCE((SELECT u.folded_to FROM storage_usage u WHERE u.registry_id = ? AND u.repository_id = ?
    AND u.folded_to < ? ORDER BY u.folded_to DESC LIMIT 1), 0)`;

/** A sum of all that transactions before `to` have added to a repository, or a registry. */
function sumUp(tx: Transaction, of: readonly [number, number], to: number): void {
  tx.send(sum, [...of, ...of, to, ...of, to]);
  tx.send(gone, [...of, to, ...of, to]);
  tx.send('DELETE FROM storage_usage WHERE registry_id = ? AND repository_id = ? AND folded_to <> ?', [...of, to]);
}
