import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Selectable } from 'kysely';
import type { Database, Tables, Transaction } from '../database/index.ts';
import { bytesOfEcKey, type EcKey, ecKeyFromBytes, makeEcKey } from './ec-key.ts';
import type { Sealer } from './seal.ts';
import './tables.ts';

export type KeyRow = Selectable<Tables['signing_keys']>;

/** All keys, of each purpose the oldest first. There are a handful; the bound is for whoever made them by hand. */
export function readKeyRows(db: Database): Promise<KeyRow[]> {
  return db.all<KeyRow>(
    `SELECT kid, purpose, generation, algorithm, public_jwk, private_key, sealed_by, created_at, active_at, retire_at
      FROM signing_keys ORDER BY purpose, generation LIMIT 1000`,
    [],
  );
}

/** Inserts a key unless its purpose has one of its generation. False where it has. */
export async function insertKey(tx: Transaction, row: KeyRow): Promise<boolean> {
  const inserted = await tx.run(
    `INSERT INTO signing_keys (kid, purpose, generation, algorithm, public_jwk, private_key, sealed_by, created_at,
      active_at, retire_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (purpose, generation) DO NOTHING`,
    [
      row.kid,
      row.purpose,
      row.generation,
      row.algorithm,
      row.public_jwk,
      row.private_key,
      row.sealed_by,
      row.created_at,
      row.active_at,
      row.retire_at,
    ],
  );
  return inserted > 0;
}

/** Puts the same key under another seal, unless another process was faster. */
export async function resealKey(tx: Transaction, before: KeyRow, after: KeyRow): Promise<void> {
  const parameters = [after.private_key, after.sealed_by, before.kid, before.private_key];
  await tx.run('UPDATE signing_keys SET private_key = ?, sealed_by = ? WHERE kid = ? AND private_key = ?', parameters);
}

/** A new key of ES256 that signs from `activeAt` on (ms). */
export function newTokenRow(generation: number, now: number, activeAt: number, sealer: Sealer | undefined): KeyRow {
  const key = makeEcKey();
  const facts = { kid: key.kid, purpose: 'token', generation, algorithm: 'ES256', created_at: now } as const;
  const row = { ...facts, public_jwk: JSON.stringify(key.publicJwk), active_at: activeAt, retire_at: null };
  return sealRow({ ...row, private_key: '', sealed_by: null }, bytesOfEcKey(key), sealer);
}

/** A new key of HMAC-SHA256. */
export function newHmacRow(now: number, sealer: Sealer | undefined): KeyRow {
  const kid = randomBytes(16).toString('base64url');
  const facts = { kid, purpose: 'hmac', generation: 1, algorithm: 'HS256', created_at: now } as const;
  const row = { ...facts, public_jwk: null, active_at: now, retire_at: null };
  return sealRow({ ...row, private_key: '', sealed_by: null }, randomBytes(32), sealer);
}

/** The row with this private key, sealed where there is a sealer. */
export function sealRow(row: KeyRow, key: Uint8Array, sealer: Sealer | undefined): KeyRow {
  return sealer
    ? { ...row, private_key: sealer.seal(key, boundTo(row)), sealed_by: sealer.fingerprint }
    : { ...row, private_key: Buffer.from(key).toString('base64url'), sealed_by: null };
}

/** The private key of a row. Throws an Error for the operator where none of the secrets opens it, or it is damaged. */
export function unsealRow(row: KeyRow, sealers: readonly Sealer[]): Buffer {
  if (row.sealed_by === null) return Buffer.from(row.private_key, 'base64url');
  const sealer = sealers.find(({ fingerprint }) => fingerprint === row.sealed_by);
  if (!sealer) throw new Error(otherSecret(row.sealed_by, sealers[0]));
  try {
    return sealer.unseal(row.private_key, boundTo(row));
  } catch (error) {
    throw damaged(row, error);
  }
}

/** The pair in a row of ES256; its id must be that of its key, so that no other one can take its place. */
export function ecKeyOfRow(row: KeyRow, bytes: Buffer): EcKey {
  try {
    const key = ecKeyFromBytes(bytes);
    if (key.kid !== row.kid) throw new Error('it has the id of another');
    return key;
  } catch (error) {
    throw damaged(row, error);
  }
}

export function hmacKeyOfRow(row: KeyRow, bytes: Buffer): KeyObject {
  if (bytes.length !== 32) throw damaged(row, undefined);
  return createSecretKey(bytes);
}

function boundTo({ purpose, kid }: KeyRow): string {
  return `signing_keys ${purpose} ${kid}`;
}

function damaged({ kid, purpose }: KeyRow, cause: unknown): Error {
  return new Error(`the key ${kid} (${purpose}) in the table signing_keys is damaged; restore it from a backup`, {
    cause,
  });
}

function otherSecret(fingerprint: string, ours: Sealer | undefined): string {
  const what = ours
    ? `under another secret (${fingerprint}) than the one that was given (${ours.fingerprint})`
    : `under a secret (${fingerprint}), and none was given`;
  return (
    `the private keys in the database are sealed ${what}. Set keys.secret to that one, or restore the file keys/secret of ` +
    'the data directory. If it is lost for good, so are the keys: remove the rows of the table signing_keys, and new ones ' +
    'are made. Tokens that were issued, and passwords that were made here, then no longer hold'
  );
}
