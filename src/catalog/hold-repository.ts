import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import type { Lock } from './storage-locks.ts';

/*
 * A push reads the row of its repository without locking it: all pushes to it would meet there. Nor may one that has read
 * it go through after somebody was told that the repository is locked. So whoever writes shares a name in the memory of
 * PostgreSQL, and whoever locks or deletes a repository takes it alone: waits for those under way, and those that come
 * after read what was changed. It comes before any row is locked, or somebody could hold a row that one of those waits for.
 * SQLite has one writer at a time.
 */

const key = (name: string): [text: string, name: string] => ['hashtextextended(?, ?)', `repository ${name}`];

/**
 * Before the row of a repository is read by a transaction that writes to it. `limits`: locks that are taken by the same
 * statement, before.
 */
export function shareRepository(
  { db }: Catalog,
  tx: Transaction,
  registryId: number,
  name: string,
  limits: readonly Lock[] = [],
): void {
  if (db.dialect === 'sqlite') return;
  const [text, named] = key(name);
  const locks: Lock[] = [...limits, [`pg_advisory_xact_lock_shared(${text})`, [named, registryId]]];
  tx.send(
    `SELECT ${locks.map(([expression]) => expression).join(', ')}`,
    locks.flatMap(([, values]) => values),
  );
}

/** The same for whoever holds rows already, and so must not wait: false where the repository is being changed now. */
export async function tryShareRepository(
  { db }: Catalog,
  tx: Transaction,
  registryId: number,
  name: string,
): Promise<boolean> {
  if (db.dialect === 'sqlite') return true;
  const [text, named] = key(name);
  const got = await tx.first<{ got: boolean }>(`SELECT pg_try_advisory_xact_lock_shared(${text}) AS got`, [
    named,
    registryId,
  ]);
  return got!.got;
}

/** Before the row of a repository is changed, so that nobody writes to it until the transaction ends. */
export function takeRepository({ db }: Catalog, tx: Transaction, registryId: number, name: string): void {
  if (db.dialect === 'sqlite') return;
  const [text, named] = key(name);
  tx.send(`SELECT pg_advisory_xact_lock(${text})`, [named, registryId]);
}
