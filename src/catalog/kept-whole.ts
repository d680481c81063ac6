import type { Transaction } from '../database/index.ts';
import { isHeld, keepBits } from './attributes.ts';
import type { Scope } from './candidates.ts';
import type { Catalog } from './context.ts';
import { tryShareRepository } from './hold-repository.ts';
import { rowOf } from './refuse-locked.ts';
import './tables.ts';

/**
 * Whether nothing may be collected from a repository now, because a lock keeps all of it, or it is being changed; what was
 * found to be garbage is looked at again later. Of one that was deleted nothing is kept.
 */
export async function isKeptWhole(catalog: Catalog, tx: Transaction, { id, registryId }: Scope): Promise<boolean> {
  const named = await tx.first<{ name: string; listed: number }>('SELECT name, listed FROM repositories WHERE id = ?', [
    id,
  ]);
  if (!named || named.listed >= 2) return false;
  const [shared, row] = await Promise.all([tryShareRepository(catalog, tx, registryId, named.name), rowOf(tx, id)]);
  return !shared || (row !== undefined && isHeld(row, keepBits, catalog.now()));
}
