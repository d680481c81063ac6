import type { KeyRow } from './rows.ts';

/*
 * The life of a key, with the defaults:
 *
 *   made, published        active               retired                dropped
 *   |---- lead (1 h) ------|-- rotation (30 d) --|--- overlap (24 h) ---|
 *                               |---- lead ------| the next one is known
 *
 * All processes and whoever keeps a copy of the JWKS learn of a key during its lead. The first one has none. A key signs
 * until the next one does, however late that is made.
 */

/** All in ms. */
export interface RotationTimes {
  rotation: number;
  lead: number;
  overlap: number;
}

/** No key is made so long before it signs (ms): one that is was made while a clock was wrong. */
const longestLead = 86_400_000;

export interface RotationPlan {
  /** The key to be made; undefined where none is due. */
  successor: { generation: number; activeAt: number } | undefined;
  /** Keys that no token which is alive can need. */
  drop: string[];
}

/** What is due for the keys of one purpose, of which there is at least one. Order does not matter. */
export function planRotation(rows: readonly KeyRow[], now: number, times: RotationTimes): RotationPlan {
  const newest = rows.reduce((one, other) => (other.generation > one.generation ? other : one));
  const drop = rows
    .filter((row) => row !== newest && (row.retire_at ?? newest.active_at) + times.overlap <= now)
    .map(({ kid }) => kid);
  // Else there would be no next one until the clock is where it was.
  const isOfWrongClock = newest.active_at > now + longestLead;
  const due = isOfWrongClock ? now : newest.active_at + times.rotation;
  if (now < due - times.lead) return { successor: undefined, drop };
  // Also when nobody was here to make it in time, the others learn of it first.
  return { successor: { generation: newest.generation + 1, activeAt: Math.max(due, now + times.lead) }, drop };
}

/**
 * The key that signs at this time: the last one that is active. Where none is, as when the clock of whoever made the only
 * one is ahead, the one that will be first.
 */
export function signingKey<K extends { activeAt: number }>(newestFirst: readonly K[], now: number): K {
  return newestFirst.find(({ activeAt }) => activeAt <= now) ?? newestFirst.at(-1)!;
}
