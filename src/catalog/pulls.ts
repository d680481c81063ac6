import { aheadMs, listsOf, type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import type { Catalog, Repository } from './context.ts';
import './tables.ts';

/** How often something was pulled, and when last (ms). */
export interface Pulls {
  pulls: number;
  lastPullAt: number;
}

/** What was pulled from one repository: by its digest, and by the tag that it was asked for with. */
export interface PulledReference extends Pulls {
  registryId: number;
  repositoryId: number;
  reference: string;
}

const row = '(?, ?, ?, ?, ?)';
const typedRow = `(${['BIGINT', 'BIGINT', 'TEXT', 'BIGINT', 'BIGINT'].map((type) => `CAST(? AS ${type})`).join(', ')})`;

/**
 * Adds to what is known, one statement and one transaction for each 64 references. It locks rows of this table alone,
 * which no pull and no push waits for. What is gone by now is left out. Resolves with how many are written, in the order
 * of `inLockOrder`; when it fails, `written` has been told of those.
 */
export async function addPulls(
  { db }: Catalog,
  pulled: readonly PulledReference[],
  written: (count: number) => void = () => {},
): Promise<void> {
  const all = pulled.map((one) => [one.registryId, one.repositoryId, one.reference, one.lastPullAt, one.pulls]);
  for (const { rows, values } of rowsOf<Parameter>(all)) {
    // One look-up for each row, not a join: PostgreSQL would read a small table whole.
    await db.change(
      `INSERT INTO pulls (registry_id, repository_id, reference, last_pull_at, pulls)
        SELECT column1, column2, column3, column4, column5 FROM (VALUES ${rows.replace(row, typedRow)}) AS v
        WHERE COALESCE(
          (SELECT m.digest FROM manifests m WHERE m.repository_id = v.column2 AND m.digest = v.column3),
          (SELECT t.name FROM tags t WHERE t.repository_id = v.column2 AND t.name = v.column3)
        ) IS NOT NULL
        ON CONFLICT (repository_id, reference) DO UPDATE SET pulls = pulls.pulls + excluded.pulls, last_pull_at =
          CASE WHEN pulls.last_pull_at BETWEEN excluded.last_pull_at AND excluded.last_pull_at + ${aheadMs}
            THEN pulls.last_pull_at ELSE excluded.last_pull_at END
        RETURNING reference`,
      values,
      // What a crash loses is a few seconds of counting.
      { durable: false },
    );
    written(values.length / 5);
  }
}

/** The order in which deletions lock them, too: tags by name, then the manifest. So no two wait for each other. */
export function inLockOrder(one: PulledReference, other: PulledReference): number {
  return (
    one.repositoryId - other.repositoryId ||
    Number(one.reference.includes(':')) - Number(other.reference.includes(':')) ||
    (one.reference < other.reference ? -1 : 1)
  );
}

/** What is known of some digests and tags of a repository; those that were never pulled are not in it. */
export async function pullsOf(
  { db }: Catalog,
  repository: Repository,
  references: readonly string[],
): Promise<Map<string, Pulls>> {
  const found = listsOf(references).map(({ list, values }) =>
    db.all<{ reference: string; last_pull_at: number; pulls: number }>(
      `SELECT reference, last_pull_at, pulls FROM pulls WHERE repository_id = ? AND reference IN (${list})`,
      [repository.id, ...values],
    ),
  );
  const rows = (await Promise.all(found)).flat();
  return new Map(rows.map(({ reference, last_pull_at, pulls }) => [reference, { lastPullAt: last_pull_at, pulls }]));
}

/** With the tags or the manifest, for whose rows the caller has the locks. */
export function forgetPulls(tx: Transaction, repositoryId: number, references: readonly string[]): void {
  for (const { list, values } of listsOf(references)) {
    tx.send(
      `DELETE FROM pulls WHERE repository_id = ? AND reference IN (SELECT reference FROM pulls WHERE repository_id = ?
        AND reference IN (${list}) ORDER BY reference FOR UPDATE)`,
      [repositoryId, repositoryId, ...values],
    );
  }
}

/**
 * Some of what is left in a repository that is collected: of what was deleted in the moment in which its last pull was
 * written. True when there may be more.
 */
export async function dropPulls(tx: Transaction, repositoryId: number, limit: number): Promise<boolean> {
  const gone = await tx.run(
    `DELETE FROM pulls WHERE repository_id = ? AND reference IN
      (SELECT reference FROM pulls WHERE repository_id = ? ORDER BY reference LIMIT ${limit})`,
    [repositoryId, repositoryId],
  );
  return gone === limit;
}
