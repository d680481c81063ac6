import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import { isStorageCounted } from './count-storage.ts';
import { type Level, placeOf, usedAt } from './storage-levels.ts';
import type { Slice } from './storage-limiter.ts';
import { lockAlone } from './storage-locks.ts';
import './tables.ts';

/*
 * What is left of a limit, given out in slices:
 *
 *   limit   ├──── in use when it was counted ────┼─ slice ─┼─ slice ─┼──── left_bytes ────┤
 *
 * A budget is made by who has the limit alone, and so has counted all that was pushed. Until the next one is made, what is
 * added comes from a slice or is charged to what is left: together never more than there was room for. A slice that was not
 * used up, because its process ended or pushed what was there already, is in the next budget again.
 */

/** Into how many parts what is left is divided. */
const parts = 64;
/** Less is not worth a transaction (bytes). */
const smallest = 2 ** 20;

/** How much of what is left one process takes at a time (bytes); 0: so little is left that every push is counted. */
export function sliceOf(left: number): number {
  const bytes = Math.floor(left / parts);
  return bytes < smallest ? 0 : bytes;
}

/**
 * Takes a slice of the budget of a limit, or makes a new budget where nothing is left of the last one. `isKnown`: whether
 * this process may go on with a budget of others. Undefined where the limit is too near.
 */
export async function takeSlice(catalog: Catalog, level: Level, isKnown: boolean): Promise<Slice | undefined> {
  const { db } = catalog;
  const taken = isKnown ? await db.write((tx) => takeFrom(tx, level)) : undefined;
  // What is counted in the background is in no budget.
  if (taken || !(await isStorageCounted(catalog))) return taken;
  return db.write(async (tx) => {
    // Behind us everybody waits who has a slice yet; somebody may have stopped in the midst of a push.
    if (db.dialect === 'postgres') tx.send(`SET LOCAL lock_timeout = '1s'`, []);
    lockAlone(catalog, tx, level);
    // Another process may have made one.
    return (isKnown ? await takeFrom(tx, level) : undefined) ?? makeBudget(catalog, tx, level);
  });
}

async function takeFrom(tx: Transaction, level: Level): Promise<Slice | undefined> {
  const [place, values] = placeOf(level);
  const row = await tx.first<{ repository_id: number; epoch: number; left_bytes: number }>(
    `SELECT repository_id, epoch, left_bytes FROM storage_budgets WHERE ${place} AND limit_bytes = ? FOR UPDATE`,
    [...values, level.limit],
  );
  const size = row ? sliceOf(row.left_bytes) : 0;
  if (!row || size === 0) return undefined;
  tx.send('UPDATE storage_budgets SET left_bytes = left_bytes - ? WHERE registry_id = ? AND repository_id = ?', [
    size,
    level.registryId,
    row.repository_id,
  ]);
  return { repositoryId: row.repository_id, epoch: row.epoch, size, left: size };
}

/** Caller has the limit alone. */
async function makeBudget(catalog: Catalog, tx: Transaction, level: Level): Promise<Slice | undefined> {
  const { registryId, name, limit } = level;
  const [[used], repository] = await Promise.all([
    usedAt(catalog, tx, [level]),
    level.level === 'registry'
      ? { id: 0 }
      : tx.first<{ id: number }>('SELECT id FROM repositories WHERE registry_id = ? AND name = ? FOR SHARE', [
          registryId,
          name,
        ]),
  ]);
  const left = limit - used!;
  const size = sliceOf(left);
  if (!repository || size === 0) return undefined;
  const made = await tx.first<{ epoch: number }>(
    `INSERT INTO storage_budgets (registry_id, repository_id, epoch, limit_bytes, left_bytes) VALUES (?, ?, 1, ?, ?)
      ON CONFLICT (registry_id, repository_id) DO UPDATE SET epoch = storage_budgets.epoch + 1,
        limit_bytes = excluded.limit_bytes, left_bytes = excluded.left_bytes RETURNING epoch`,
    [registryId, repository.id, limit, left - size],
  );
  return { repositoryId: repository.id, epoch: made!.epoch, size, left: size };
}

/** Takes from the budget what a push may add for which there was no slice; false where that has not so much. */
export async function chargeBudget(tx: Transaction, level: Level, bytes: number): Promise<boolean> {
  const [place, values] = placeOf(level);
  const text = `UPDATE storage_budgets SET left_bytes = left_bytes - ? WHERE ${place} AND limit_bytes = ? AND left_bytes >= ?`;
  return (await tx.run(text, [bytes, ...values, level.limit, bytes])) > 0;
}

const end = 'UPDATE storage_budgets SET epoch = epoch + 1, limit_bytes = -1, left_bytes = 0 WHERE limit_bytes >= 0 AND';

/** For a push that the budget does not cover. */
export function endBudget(tx: Transaction, level: Level): void {
  const [place, values] = placeOf(level);
  tx.send(`${end} ${place}`, values);
}

/** Where what is in use turns out to be something else: of a repository, or of the registry itself where that is 0. */
export function endBudgetOf(tx: Transaction, registryId: number, repositoryId: number): void {
  tx.send(`${end} registry_id = ? AND repository_id = ?`, [registryId, repositoryId]);
}
