import { type Selectable, sql } from 'kysely';
import { type Database, placeholders, type Tables, type Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import './tables.ts';

export type UploadRow = Selectable<Tables['uploads']>;

export interface StoredBlob {
  key: string;
  /** Bytes. */
  size: number;
}

/** Literals, also in statements written out: a parameter has no text by which SQLite could match a partial index. */
const [live, leaving] = [sql.lit(0), sql.lit(1)];

/** The live object of a digest: one prepared look-up. */
export function findBlob(db: Database, digest: Digest): Promise<StoredBlob | undefined> {
  return db.first<StoredBlob>('SELECT key, size FROM blobs WHERE digest = ? AND deleting = 0', [digest]);
}

/**
 * Records a published object. Where its content has one already, that one is locked, so that it cannot be marked for
 * deletion before the caller's link is committed, and ours is recorded as one to delete: it goes with the others, and
 * a push takes as long whether or not the content was there. Returns the key that holds the content from now on.
 */
export async function recordBlob(
  tx: Transaction,
  { digest, size, key, now }: { digest: Digest; size: number; key: string; now: number },
): Promise<string> {
  for (;;) {
    const inserted = await tx.run(
      `INSERT INTO blobs (digest, size, "key", created_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (digest) WHERE deleting = 0 DO NOTHING`,
      [digest, size, key, now],
    );
    if (inserted > 0) return key;
    const existing = await lockBlob(tx, digest);
    // Deleted between the two statements: the next insert cannot conflict with the row that is gone.
    if (!existing) continue;
    if (existing.key !== key) {
      tx.send('INSERT INTO blobs (digest, size, "key", created_at, deleting) VALUES (?, ?, ?, ?, 1)', [
        digest,
        size,
        key,
        now,
      ]);
    }
    return existing.key;
  }
}

/** Locks the live row of a digest until the transaction ends. */
export function lockBlob(tx: Transaction, digest: Digest): Promise<StoredBlob | undefined> {
  return tx.first('SELECT "key", size FROM blobs WHERE digest = ? AND deleting = 0 FOR UPDATE', [digest]);
}

/** First phase of a delete: from here on nobody can find or link the object. Caller holds `lockBlob`. */
export async function markDeleting(tx: Transaction, digest: Digest): Promise<void> {
  await tx
    .updateTable('blobs')
    .set({ deleting: 1 })
    .where('digest', '=', digest)
    .where('deleting', '=', live)
    .execute();
}

export interface DeletingBlob {
  id: number;
  digest: Digest;
  key: string;
  /** Bytes. */
  size: number;
}

/** Objects whose second phase is to come, in pages, by id. */
export function deletingBlobs(db: Database, limit: number, after = 0): Promise<DeletingBlob[]> {
  return db.all('SELECT id, digest, "key", size FROM blobs WHERE deleting = 1 AND id > ? ORDER BY id LIMIT ?', [
    after,
    limit,
  ]);
}

/** Caller has removed their bytes, durably. */
export async function forgetBlobs(tx: Transaction, ids: readonly number[]): Promise<void> {
  await tx.deleteFrom('blobs').where('id', 'in', ids).where('deleting', '=', leaving).execute();
}

export interface BlobRow {
  id: number;
  digest: Digest;
  size: number;
  key: string;
  deleting: number;
}

/** Blob rows in pages, by id. */
export function blobsAfter(db: Database, id: number, limit: number): Promise<BlobRow[]> {
  return db.all<BlobRow>('SELECT id, digest, size, "key", deleting FROM blobs WHERE id > ? ORDER BY id LIMIT ?', [
    id,
    limit,
  ]);
}

/** Which of these keys a row names, live or not. */
export async function keysInUse(db: Database, keys: readonly string[]): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const rows = await db.read.selectFrom('blobs').select('key').where('key', 'in', keys).execute();
  return new Set(rows.map((row) => row.key));
}

export async function insertUpload(tx: Transaction, upload: UploadRow): Promise<void> {
  const columns = Object.keys(upload);
  const names = columns.map((column) => `"${column}"`).join(', ');
  const values = Object.values(upload);
  tx.send(`INSERT INTO uploads (${names}) VALUES (${placeholders(columns.length)})`, values);
}

export function findUpload(db: Database, id: string): Promise<UploadRow | undefined> {
  return db.first<UploadRow>('SELECT * FROM uploads WHERE id = ?', [id]);
}

/**
 * Waits for a transaction that may be ending the session, because one whose answer was lost can still commit: only then
 * is what the facts say of its bytes the last word. False when the session is gone.
 */
export function settleUpload(db: Database, id: string): Promise<boolean> {
  return db.write(
    async (tx) => {
      const row = tx.selectFrom('uploads').select('id').where('id', '=', id);
      return (await db.forUpdate(row).executeTakeFirst()) !== undefined;
    },
    { durable: false },
  );
}

/** Which of these uploads have a session. */
export async function knownUploads(db: Database, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db.read.selectFrom('uploads').select('id').where('id', 'in', ids).execute();
  return new Set(rows.map((row) => row.id));
}

/** Moves a session on, or back to 0; false when it is gone, or no longer where `from` says. */
export async function advanceUpload(
  tx: Transaction,
  id: string,
  from: number,
  state: { offset: number; digest: string | null; broke_off: number; started_at?: number; active_at: number },
): Promise<boolean> {
  const { offset, digest, broke_off, active_at } = state;
  const moved = await tx.run(
    'UPDATE uploads SET "offset" = ?, digest = ?, broke_off = ?, active_at = ? WHERE id = ? AND "offset" = ?',
    [offset, digest, broke_off, active_at, id, from],
  );
  return moved > 0;
}

/** Records under which digest a session is about to be published; false when it is gone, or not where `from` says. */
export async function noteClosing(tx: Transaction, id: string, from: number, digest: Digest, now: number) {
  const text = 'UPDATE uploads SET closing = ?, active_at = ? WHERE id = ? AND "offset" = ?';
  return (await tx.run(text, [digest, now, id, from])) > 0;
}

/** Records an activity that the sessions themselves did not; one that came later stays. */
export async function touchUploads(tx: Transaction, ids: readonly string[], at: number): Promise<void> {
  await tx.updateTable('uploads').set({ active_at: at }).where('id', 'in', ids).where('active_at', '<', at).execute();
}

export async function deleteUpload(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.run('DELETE FROM uploads WHERE id = ?', [id])) > 0;
}

export async function deleteUploads(tx: Transaction, ids: readonly string[]): Promise<void> {
  await tx.deleteFrom('uploads').where('id', 'in', ids).execute();
}

/** Sessions without activity since `before` (ms), in pages, the longest idle first. */
export function idleUploads(db: Database, before: number, limit: number, after?: UploadRow): Promise<UploadRow[]> {
  const { active_at: at, id } = after ?? { active_at: -1, id: '' };
  return db.all<UploadRow>(
    'SELECT * FROM uploads WHERE active_at < ? AND (active_at, id) > (?, ?) ORDER BY active_at, id LIMIT ?',
    [before, at, id, limit],
  );
}

/** Sessions in pages, by id. */
export function uploadsAfter(db: Database, id: string, limit: number): Promise<UploadRow[]> {
  return db.all<UploadRow>('SELECT * FROM uploads WHERE id > ? ORDER BY id LIMIT ?', [id, limit]);
}
