import { listsOf } from '../database/index.ts';
import { type Abilities, abilitiesOf, heldBits, type Lockable, type Subject } from './attributes.ts';
import type { Catalog } from './context.ts';
import { isDate, lockColumns, type LockRow } from './refuse-locked.ts';
import './tables.ts';

/** What may be done with something, and who locked the rest. */
export interface Attributes extends Abilities {
  lock?: {
    owner: string;
    reason: string | undefined;
    /** ms; undefined: until somebody unlocks it. */
    expiresAt: number | undefined;
  };
}

const free: Attributes = abilitiesOf(0);

/** The attributes of rows of one kind, in their order. Only of those that are locked is more read than their rows. */
export async function attributesOf(
  { db, now }: Catalog,
  repositoryId: number,
  kind: Subject['kind'],
  rows: readonly (Lockable & { name: string })[],
): Promise<Attributes[]> {
  const at = now();
  const locked = rows.filter((row) => heldBits(row, at) !== 0).map(({ name }) => name);
  const found = listsOf(locked).map(({ list, values }) =>
    db.all<LockRow>(`${lockColumns} WHERE repository_id = ? AND kind = ? AND name IN (${list})`, [
      repositoryId,
      kind,
      ...values,
    ]),
  );
  const locks = new Map((await Promise.all(found)).flat().map((lock) => [lock.name, lock]));
  return rows.map((row) => {
    const held = heldBits(row, at);
    if (held === 0) return free;
    const lock = locks.get(row.name);
    return { ...abilitiesOf(held), ...(lock && { lock: lockFacts(lock) }) };
  });
}

function lockFacts({ owner, reason, locked_until: until }: LockRow): NonNullable<Attributes['lock']> {
  return { owner, reason: reason ?? undefined, expiresAt: isDate(until) ? until : undefined };
}
