import { type Selectable, sql } from 'kysely';
import type { Database, Tables, Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import './tables.ts';

export type UploadRow = Selectable<Tables['uploads']>;

export interface StoredBlob {
  key: string;
  /** Bytes. */
  size: number;
}

/** The live object of a digest: one prepared look-up. */
export function findBlob(db: Database, digest: Digest): Promise<StoredBlob | undefined> {
  return db.first<StoredBlob>('SELECT key, size FROM blobs WHERE digest = ? AND deleting = 0', [digest]);
}

/**
 * Records a published object, unless its content has one already; that one is then locked, so that it cannot be
 * marked for deletion before the caller's link is committed. Returns the key that holds the content from now on.
 */
export async function recordBlob(
  db: Database,
  tx: Transaction,
  blob: { digest: Digest; size: number; key: string; now: number },
): Promise<string> {
  const inserted = await tx
    .insertInto('blobs')
    .values({ digest: blob.digest, size: blob.size, key: blob.key, created_at: blob.now })
    .onConflict((conflict) =>
      // A literal: SQLite matches the predicate of a partial index by its text, and a parameter has none.
      conflict.column('digest').where('deleting', '=', sql.lit(0)).doNothing(),
    )
    .returning('key')
    .executeTakeFirst();
  if (inserted) return inserted.key;
  const existing = await lockBlob(db, tx, blob.digest);
  // Deleted between the two statements: the next insert cannot conflict with the row that is gone.
  return existing?.key ?? recordBlob(db, tx, blob);
}

/** Locks the live row of a digest until the transaction ends. */
export function lockBlob(db: Database, tx: Transaction, digest: Digest): Promise<StoredBlob | undefined> {
  const query = tx.selectFrom('blobs').select(['key', 'size']).where('digest', '=', digest).where('deleting', '=', 0);
  return db.forUpdate(query).executeTakeFirst();
}

/** First phase of a delete: from here on nobody can find or link the object. Caller holds `lockBlob`. */
export async function markDeleting(tx: Transaction, digest: Digest): Promise<void> {
  await tx.updateTable('blobs').set({ deleting: 1 }).where('digest', '=', digest).where('deleting', '=', 0).execute();
}

export function deletingBlobs(db: Database, limit: number) {
  return db.read.selectFrom('blobs').select(['id', 'key', 'size']).where('deleting', '=', 1).limit(limit).execute();
}

export async function forgetBlob(tx: Transaction, id: number): Promise<void> {
  await tx.deleteFrom('blobs').where('id', '=', id).where('deleting', '=', 1).execute();
}

/** Blob rows by key, in pages, for fsck. */
export function blobsAfter(db: Database, id: number, limit: number) {
  return db.read
    .selectFrom('blobs')
    .select(['id', 'digest', 'size', 'key', 'deleting'])
    .where('id', '>', id)
    .orderBy('id')
    .limit(limit)
    .execute();
}

export async function keyInUse(db: Database, key: string): Promise<boolean> {
  return (await db.first('SELECT 1 AS found FROM blobs WHERE key = ?', [key])) !== undefined;
}

export async function insertUpload(tx: Transaction, upload: UploadRow): Promise<void> {
  await tx.insertInto('uploads').values(upload).execute();
}

export function findUpload(db: Database, id: string): Promise<UploadRow | undefined> {
  return db.first<UploadRow>('SELECT * FROM uploads WHERE id = ?', [id]);
}

export async function advanceUpload(
  tx: Transaction,
  id: string,
  state: { offset: number; digest: string; active_at: number },
): Promise<boolean> {
  const result = await tx.updateTable('uploads').set(state).where('id', '=', id).executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Forgets what was uploaded; the session begins anew. */
export async function resetUpload(tx: Transaction, id: string, now: number): Promise<void> {
  await tx.updateTable('uploads').set({ offset: 0, digest: null, active_at: now }).where('id', '=', id).execute();
}

/** Records under which digest a session is about to be published; false when the session is gone. */
export async function markClosing(tx: Transaction, id: string, digest: Digest, now: number): Promise<boolean> {
  const query = tx.updateTable('uploads').set({ closing: digest, active_at: now }).where('id', '=', id);
  return (await query.executeTakeFirst()).numUpdatedRows > 0n;
}

export async function deleteUpload(tx: Transaction, id: string): Promise<boolean> {
  const result = await tx.deleteFrom('uploads').where('id', '=', id).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

export function idleUploads(db: Database, before: number, limit: number) {
  return db.read
    .selectFrom('uploads')
    .select(['id', 'closing'])
    .where('active_at', '<', before)
    .orderBy('active_at')
    .limit(limit)
    .execute();
}
