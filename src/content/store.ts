import { sql } from 'kysely';
import { type Database, listsOf, type Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import './tables.ts';

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

/** The live objects of many digests, by digest. */
export async function findBlobs(db: Database, digests: readonly string[]): Promise<Map<string, StoredBlob>> {
  const found = new Map<string, StoredBlob>();
  for (const { list, values } of listsOf(digests)) {
    const text = `SELECT digest, "key", size FROM blobs WHERE digest IN (${list}) AND deleting = 0`;
    const rows = await db.all<StoredBlob & { digest: string }>(text, values);
    for (const { digest, key, size } of rows) found.set(digest, { key, size });
  }
  return found;
}

/** A published object. */
export interface PublishedBlob {
  digest: Digest;
  size: number;
  key: string;
  /** Time of the record (ms). */
  now: number;
}

/**
 * Records a published object. Where its content has one already, that one is locked, so that it cannot be marked for
 * deletion before the caller's link is committed, and ours is recorded as one to delete: it goes with the others, and
 * a push takes as long whether or not the content was there. Returns the key that holds the content from now on.
 */
export async function recordBlob(tx: Transaction, { digest, size, key, now }: PublishedBlob): Promise<string> {
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

/** Records a published object as one to delete; undefined where some row names it already. */
export function recordLeftOver(
  tx: Transaction,
  { digest, size, key, now }: PublishedBlob,
): Promise<{ id: number; key: string } | undefined> {
  return tx.first(
    `INSERT INTO blobs (digest, size, "key", created_at, deleting) VALUES (?, ?, ?, ?, 1)
      ON CONFLICT ("key") DO NOTHING RETURNING id, "key"`,
    [digest, size, key, now],
  );
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
