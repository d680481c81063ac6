import type { Database } from '../database/index.ts';
import { placeholders } from '../database/index.ts';
import { insertKey, newTokenRow, readKeyRows } from './rows.ts';
import { planRotation, type RotationTimes } from './rotation.ts';
import type { Sealer } from './seal.ts';

export interface Rotated {
  /** Id of the key that this process made; undefined where none was due, or another process was faster. */
  made: string | undefined;
  /** Ids of the keys that are gone. */
  dropped: string[];
}

/** Makes the next key of tokens in time, and drops those that are no longer needed. */
export async function rotateTokenKeys(
  db: Database,
  now: number,
  times: RotationTimes,
  sealer: Sealer | undefined,
): Promise<Rotated> {
  const rows = await tokenRows(db);
  if (rows.length === 0) return { made: undefined, dropped: [] };
  const { successor, drop } = planRotation(rows, now, times);
  let made: string | undefined;
  if (successor) {
    const { generation, activeAt } = successor;
    const row = newTokenRow(generation, now, activeAt, sealer);
    const inserted = await db.write(async (tx) => {
      if (!(await insertKey(tx, row))) return false;
      const retired = await tx.run(`UPDATE signing_keys SET retire_at = ? WHERE purpose = 'token' AND generation = ?`, [
        activeAt,
        generation - 1,
      ]);
      // Those that were to end with one that signs at a time to come end with this one.
      await tx.run(
        `UPDATE signing_keys SET retire_at = ? WHERE purpose = 'token' AND generation < ? AND retire_at > ?`,
        [activeAt, generation, activeAt],
      );
      // In an emergency somebody dropped what it was to succeed.
      if (retired === 0) await tx.run('DELETE FROM signing_keys WHERE kid = ?', [row.kid]);
      return retired > 0;
    });
    if (inserted) made = row.kid;
  }
  return { made, dropped: drop.length === 0 ? [] : await dropKeys(db, drop) };
}

async function dropKeys(db: Database, kids: readonly string[]): Promise<string[]> {
  const rows = await db.change<{ kid: string }>(
    `DELETE FROM signing_keys WHERE kid IN (${placeholders(kids.length)}) RETURNING kid`,
    kids,
  );
  return rows.map(({ kid }) => kid);
}

export interface Replacement {
  /** Whether the former keys go at once, because somebody else may have them. */
  drop: boolean;
}

/** How often a new key is tried where others make one at the same moment. */
const attempts = 5;

/** Makes a key that signs from now on, and retires or drops all others. Resolves with its id. */
export async function replaceTokenKeys(
  db: Database,
  clock: () => number,
  { drop }: Replacement,
  sealer: Sealer | undefined,
): Promise<string> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const newest = Math.max(0, ...(await tokenRows(db)).map(({ generation }) => generation));
    const now = clock();
    const row = newTokenRow(newest + 1, now, now, sealer);
    const inserted = await db.write(async (tx) => {
      if (!(await insertKey(tx, row))) return false;
      // Others may have made this generation, and dropped it for the next one, since the newest was read.
      const overtaken = await tx.run(
        `DELETE FROM signing_keys WHERE kid = ?
          AND EXISTS (SELECT 1 FROM signing_keys n WHERE n.purpose = 'token' AND n.generation > ?)`,
        [row.kid, row.generation],
      );
      if (overtaken > 0) return false;
      // One that was to come has signed nothing yet, and whoever has the others may have it, too.
      const going = drop ? '' : ' AND active_at > ?';
      await tx.run(
        `DELETE FROM signing_keys WHERE purpose = 'token' AND generation < ?${going}`,
        drop ? [row.generation] : [row.generation, now],
      );
      await tx.run(
        `UPDATE signing_keys SET retire_at = ?
          WHERE purpose = 'token' AND generation < ? AND (retire_at IS NULL OR retire_at > ?)`,
        [now, row.generation, now],
      );
      return true;
    });
    if (inserted) return row.kid;
  }
  throw new Error('other processes are replacing keys, too; look whether that was enough, or try again');
}

async function tokenRows(db: Database) {
  return (await readKeyRows(db)).filter(({ purpose }) => purpose === 'token');
}
