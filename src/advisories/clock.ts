import type { LookUps, Transaction } from '../database/index.ts';
import './tables.ts';

/*
 * Revisions of all that is known of vulnerabilities. Who changes any of it locks the clock first and tells it last, so that
 * revisions become visible in their order; who registers components shares the lock, so that no advisory and no component
 * miss each other.
 */

export async function currentRevision(db: LookUps): Promise<number> {
  const row = await db.first<{ revision: number }>('SELECT revision FROM advisory_clock WHERE id = 1', []);
  return row!.revision;
}

/** Keeps out all others who change or register. Resolves with the revision that there is. */
export async function lockClock(tx: Transaction): Promise<number> {
  const row = await tx.first<{ revision: number }>('SELECT revision FROM advisory_clock WHERE id = 1 FOR UPDATE', []);
  return row!.revision;
}

/** Keeps out those who change. */
export async function shareClock(tx: Transaction): Promise<void> {
  await tx.first('SELECT revision FROM advisory_clock WHERE id = 1 FOR SHARE', []);
}

/** To be called with the lock. */
export function tellClock(tx: Transaction, revision: number): void {
  tx.send('UPDATE advisory_clock SET revision = ? WHERE id = 1', [revision]);
}
