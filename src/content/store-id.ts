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
 * unless `adopt` is true, when new facts meet content of others.
 */
export async function bindStore(db: Database, store: BlobStore, adopt: boolean): Promise<void> {
  const [wanted, found] = await Promise.all([knownStore(db), store.id()]);
  if (wanted !== undefined) return requireId(store, wanted, found);
  if (!adopt && !(await knowsBlobs(db)) && !(await isEmpty(store))) {
    throw new Error(
      `${store.location} holds content, but the database is new. Is database.url right, and bonded.db in its place? ` +
        'To begin anew with that content, run fsck --rebuild first',
    );
  }
  const id = found ?? randomBytes(16).toString('hex');
  // Bytes first: an id that no fact knows yet is taken over by the next start.
  if (found === undefined) await store.setId(id);
  const row = { one: 1, id, bound_at: Date.now() };
  await db.write((tx) =>
    tx
      .insertInto('content_store')
      .values(row)
      .onConflict((same) => same.doNothing())
      .execute(),
  );
  // Another server on these facts may have been faster.
  await requireStore(db, store);
}

/** Throws when the store is not, or no longer, the one that the facts know. */
export async function requireStore(db: Database, store: BlobStore): Promise<void> {
  const [wanted, found] = await Promise.all([knownStore(db), store.id()]);
  requireId(store, wanted, found);
}

/** Facts from before there were ids know blobs, and no store. */
async function knowsBlobs(db: Database): Promise<boolean> {
  return (await db.first('SELECT 1 AS found FROM blobs LIMIT 1', [])) !== undefined;
}

async function isEmpty(store: BlobStore): Promise<boolean> {
  for await (const _ of store.objects()) return false;
  return true;
}

async function knownStore(db: Database): Promise<string | undefined> {
  return (await db.first<{ id: string }>('SELECT id FROM content_store', []))?.id;
}

function requireId(store: BlobStore, wanted: string | undefined, found: string | undefined): void {
  if (found === wanted) return;
  throw new Error(
    `${store.location} does not hold the content of this database: its id is ${found ?? 'missing'}, expected ${wanted}. ` +
      'Is the disk mounted, and are data and database.url the right pair? ' +
      `If the content is lost for good, write that id into the file id there, and mend the facts with fsck --repair`,
  );
}
