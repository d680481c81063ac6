import type { KeyObject } from 'node:crypto';
import { type JwksEntry, jwksEntryOf } from './ec-key.ts';
import { type Signer, signerOf, type Verifier, verifierOf } from './jws.ts';
import { ecKeyOfRow, hmacKeyOfRow, type KeyRow, unsealRow } from './rows.ts';
import type { Sealer } from './seal.ts';

/** A JWK set (RFC 7517 §5). */
export interface Jwks {
  keys: JwksEntry[];
}

/** The keys of the rows as they are used, none of them parsed again. */
export interface KeySet {
  /** By the time from which they sign, the latest first. */
  signers: { activeAt: number; signer: Signer }[];
  /** By kid: those to come, the active one, and those that are retired. */
  verifiers: ReadonlyMap<string, Verifier>;
  jwks: Jwks;
  hmacKey: KeyObject | undefined;
}

/** Opens all rows. Throws an Error for the operator where one cannot be. */
export function openKeySet(rows: readonly KeyRow[], sealers: readonly Sealer[]): KeySet {
  const signers: KeySet['signers'] = [];
  const verifiers = new Map<string, Verifier>();
  const keys: JwksEntry[] = [];
  let hmacKey: KeyObject | undefined;
  for (const row of rows) {
    const bytes = unsealRow(row, sealers);
    if (row.purpose === 'hmac') hmacKey ??= hmacKeyOfRow(row, bytes);
    // A newer version may have keys for more.
    if (row.purpose !== 'token') continue;
    const key = ecKeyOfRow(row, bytes);
    signers.push({ activeAt: row.active_at, signer: signerOf(key.kid, key.privateKey) });
    verifiers.set(key.kid, verifierOf(key.publicKey));
    keys.push(jwksEntryOf(key));
  }
  signers.sort((one, other) => other.activeAt - one.activeAt);
  return { signers, verifiers, jwks: { keys }, hmacKey };
}
