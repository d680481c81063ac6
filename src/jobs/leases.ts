import type { Database } from '../database/index.ts';
import { databaseTime, isAlive } from './nodes.ts';
import './tables.ts';

/**
 * Takes those of `wanted` that nobody has, or that a node had which is silent or gone; resolves with all that `node` has
 * then. Where there is nothing to take, nothing is written.
 */
export async function takeLeases(db: Database, node: number, wanted: readonly string[]): Promise<Set<string>> {
  const rows = await db.all<{ name: string; holder: number; free: number }>(
    `SELECT name, holder, NOT ${isAlive('leases.holder')} AS free FROM leases`,
    [],
  );
  const taken = new Map(rows.filter(({ free }) => free === 0).map(({ name, holder }) => [name, holder]));
  // What an earlier call took, when it was wanted still.
  const unwanted = rows.filter(({ name, holder }) => holder === node && !wanted.includes(name));
  if (unwanted.length > 0) await giveBackLeases(db, node, wanted);
  for (const name of wanted) {
    if (taken.has(name)) continue;
    // Somebody may have been faster: then the row does not change, and is not returned.
    const changed = await db.change<{ holder: number }>(
      `INSERT INTO leases (name, holder, taken_at) VALUES (?, ?, ${databaseTime})
        ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, taken_at = excluded.taken_at
        WHERE NOT ${isAlive('leases.holder')} RETURNING holder`,
      [name, node],
      { durable: false },
    );
    if (changed.length > 0) taken.set(name, node);
  }
  return new Set(wanted.filter((name) => taken.get(name) === node));
}

/** Gives back what a node has, except for `wanted`. */
export async function giveBackLeases(db: Database, node: number, wanted: readonly string[] = []): Promise<void> {
  const kept = wanted.map(() => '?').join(', ');
  await db.change(
    `DELETE FROM leases WHERE holder = ? ${kept && `AND name NOT IN (${kept})`} RETURNING name`,
    [node, ...wanted],
    { durable: false },
  );
}
