import { listsOf, type Transaction } from '../database/index.ts';
import type { Subject } from './attributes.ts';
import './tables.ts';

/** Forgets locks and custom metadata of what goes. Only a row whose `attributes` are not 0 has any. */
export function forgetAttributes(
  tx: Transaction,
  { id }: { id: number },
  kind: Subject['kind'],
  names: readonly string[],
): void {
  for (const { list, values } of listsOf(names)) {
    const where = `WHERE repository_id = ? AND kind = ? AND name IN (${list})`;
    tx.send(`DELETE FROM locks ${where}`, [id, kind, ...values]);
    tx.send(`DELETE FROM custom_metadata ${where}`, [id, kind, ...values]);
  }
}

/** A tag that may be moved though it must not be deleted keeps what it names now. */
export function followTag(tx: Transaction, { id }: { id: number }, name: string, digest: string): void {
  tx.send(`UPDATE locks SET digest = ? WHERE repository_id = ? AND kind = 'tag' AND name = ?`, [digest, id, name]);
}
