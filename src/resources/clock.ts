import type { LookUps, Transaction } from '../database/index.ts';
import './tables.ts';

export interface Clock {
  /** The latest stamp. */
  value: number;
  /** The latest stamp of a deletion that is forgotten. */
  trimmed: number;
}

/**
 * Holds the clock until the transaction ends: from here on nobody else writes resources, and statements see all that
 * others wrote. Comes before every other lock that a transaction takes. Returns the latest stamp.
 */
export async function lockClock(tx: Transaction): Promise<number> {
  return (await tx.first<Clock>('SELECT value, trimmed FROM resource_clock WHERE id = 1 FOR UPDATE', []))!.value;
}

/** Moves the clock on, to the stamp of the last change; the caller holds it. */
export function moveClock(tx: Transaction, value: number): void {
  tx.send('UPDATE resource_clock SET value = ? WHERE id = 1', [value]);
}

export async function readClock(db: LookUps): Promise<Clock> {
  return (await db.first<Clock>('SELECT value, trimmed FROM resource_clock WHERE id = 1', []))!;
}
