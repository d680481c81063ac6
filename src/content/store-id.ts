import { randomBytes } from 'node:crypto';
import type { Database } from '../database/index.ts';
import type { BlobStore } from './blob-store.ts';
import './tables.ts';

/*
 * Facts and bytes know each other by an id that both keep. Without it an empty folder, where a disk is not mounted or
 * a path is mistyped, looks like a store whose blobs are all gone: pulls would forget them one after the other.
 */

/**
 * Makes facts and bytes that meet for the first time belong together. Throws when the facts know another store, and,
 * unless `adopt` is true, when new facts meet content of others. Servers that start at the same time agree on one id in
 * the facts, and only then does the store get it: whichever writes it, and however often, it is the same.
 */
export async function bindStore(db: Database, store: BlobStore, adopt: boolean): Promise<void> {
  const known = await knownStore(db);
  const found = await reaching(store, () => store.id());
  if (known?.bound) return requireId(store, known.id, found);
  if (
    !known &&
    !adopt &&
    !(await knowsBlobs(db)) &&
    !(await reaching(store, () => isEmpty(store))) &&
    !(await knownStore(db))
  ) {
    throw new Error(
      `${store.location} holds content, but the database is new. Is database.url right, and bonded.db in its place? ` +
        'To begin anew with that content, run fsck --rebuild first',
    );
  }
  const id = await agreeOn(db, found ?? randomBytes(16).toString('hex'));
  if (found === undefined) await reaching(store, () => store.setId(id));
  await requireStore(db, store);
  await db.write((tx) => tx.run('UPDATE content_store SET bound_at = ? WHERE bound_at = 0', [Date.now()]));
}

/** Says for the operator what is in the way; a client would only be told to come back. */
async function reaching<T>(store: BlobStore, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    let reason = error as Error;
    while (reason.cause instanceof Error) reason = reason.cause;
    throw new Error(`cannot use ${store.location}: ${reason.message}`, { cause: error });
  }
}

/** The id that the facts have from now on: this one, unless another server was faster. */
async function agreeOn(db: Database, id: string): Promise<string> {
  await db.write((tx) =>
    tx.run('INSERT INTO content_store (one, id, bound_at) VALUES (1, ?, 0) ON CONFLICT (one) DO NOTHING', [id]),
  );
  return (await knownStore(db))!.id;
}

/** Throws when the store is not, or no longer, the one that the facts know. */
export async function requireStore(db: Database, store: BlobStore): Promise<void> {
  const [known, found] = await Promise.all([knownStore(db), store.id()]);
  requireId(store, known?.id, found);
}

/** Facts from before there were ids know blobs, and no store. */
async function knowsBlobs(db: Database): Promise<boolean> {
  return (await db.first('SELECT 1 AS found FROM blobs LIMIT 1', [])) !== undefined;
}

async function isEmpty(store: BlobStore): Promise<boolean> {
  for await (const _ of store.objects()) return false;
  return true;
}

/** `bound`: the store has that id, too. */
async function knownStore(db: Database): Promise<{ id: string; bound: boolean } | undefined> {
  const row = await db.first<{ id: string; bound_at: number }>('SELECT id, bound_at FROM content_store', []);
  return row && { id: row.id, bound: row.bound_at > 0 };
}

function requireId(store: BlobStore, wanted: string | undefined, found: string | undefined): void {
  if (found === wanted) return;
  throw new Error(
    `${store.location} does not hold the content of this database: its id is ${found ?? 'missing'}, expected ${wanted}. ` +
      'Is the disk mounted, and are data and database.url the right pair? ' +
      `If the content is lost for good, write that id into the file id there, and mend the facts with fsck --repair`,
  );
}
