import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import { addTo, type Sums } from './storage-sums.ts';
import { usageColumns, usageFrom, type UsageRow } from './usage.ts';
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

/** Of one process at a time; the lease of the job alone would not do, since what is added twice stays. */
const lock = 4_271_992_314;

interface Delta extends UsageRow {
  xid: number;
  registry_id: number;
  repository_id: number;
}

const columns = `xid, registry_id, repository_id, ${usageColumns.join(', ')}`;

/**
 * Sums up what transactions that have ended have added; `from`: the number before which nothing is left, 0 if that is not
 * known. Resolves with the next one, and whether there is more to do at once.
 */
export async function foldStorage({ db }: Catalog, from = 0): Promise<{ from: number; more: boolean }> {
  if (db.dialect === 'sqlite') return { from, more: false };
  return db.write(
    async (tx) => {
      const [mine] = await tx.all<{ mine: number }>('SELECT pg_try_advisory_xact_lock(?) AS mine', [lock]);
      return mine!.mine ? fold(tx, from) : { from, more: false };
    },
    // Until it is durable, what it removes is not gone either.
    { durable: false },
  );
}

async function fold(tx: Transaction, from: number): Promise<{ from: number; more: boolean }> {
  const rows = await tx.all<Delta>(
    `SELECT ${columns} FROM storage_deltas
      WHERE xid >= ? AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint ORDER BY xid LIMIT ${atOnce}`,
    [from],
  );
  const last = rows.at(-1);
  if (!last) return { from, more: false };
  const more = rows.length === atOnce;
  // A transaction is summed up as a whole; one that is too large for a round is read to its end.
  const whole = more && rows[0]!.xid < last.xid ? rows.filter(({ xid }) => xid < last.xid) : rows;
  if (more && whole === rows)
    rows.splice(
      0,
      rows.length,
      ...(await tx.all<Delta>(`SELECT ${columns} FROM storage_deltas WHERE xid = ?`, [last.xid])),
    );
  const to = whole.at(-1)!.xid + 1;
  const sums: Sums = new Map();
  for (const row of whole) addTo(sums, row.registry_id, row.repository_id, usageFrom(row));
  for (const { registryId, repositoryId, usage } of sums.values()) {
    const added = [usage.blobs, usage.blobBytes, usage.ownBytes, usage.manifests, usage.manifestBytes];
    const of = [registryId, repositoryId];
    tx.send(
      `INSERT INTO storage_usage (registry_id, repository_id, folded_to, ${usageColumns.join(', ')})
        SELECT ?::bigint, ?::bigint, ?::bigint,
          ${usageColumns.map((name) => `COALESCE(MAX(f.${name}), 0) + ?::bigint`).join(', ')}
        FROM (SELECT ${usageColumns.join(', ')} FROM storage_usage WHERE registry_id = ? AND repository_id = ?
          ORDER BY folded_to DESC LIMIT 1) f
        ON CONFLICT (registry_id, repository_id, folded_to)
          DO UPDATE SET ${usageColumns.map((name) => `${name} = excluded.${name}`).join(', ')}`,
      [...of, to, ...added, ...of],
    );
    tx.send('DELETE FROM storage_usage WHERE registry_id = ? AND repository_id = ? AND folded_to <> ?', [...of, to]);
  }
  tx.send('DELETE FROM storage_deltas WHERE xid >= ? AND xid < ?', [from, to]);
  return { from: to, more };
}
