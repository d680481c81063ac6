import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Database } from '../database/index.ts';
import { chooseSealers, type SealingOptions } from './choose-sealers.ts';
import { type Claims, type JwsResult, signJsonAside, signJws, verifyJws } from './jws.ts';
import { type Jwks, type KeySet, openKeySet } from './key-set.ts';
import { insertKey, type KeyRow, newHmacRow, newTokenRow, readKeyRows, resealKey, sealRow, unsealRow } from './rows.ts';
import { type Replacement, replaceTokenKeys, type Rotated, rotateTokenKeys } from './rotate.ts';
import { type RotationTimes, signingKey } from './rotation.ts';
import { createSealer, type Sealer } from './seal.ts';

/**
 * How often `Keys.refresh` runs in each process, and `Keys.rotate` in one (ms). The first is how long a key that was
 * dropped may still be believed, the second is far below the least lead.
 */
export const keyIntervals = { refreshMs: 5000, rotateMs: 30_000 } as const;

/** Unknown key ids make this process ask the database once in this time (ms), however many arrive. */
const reloadPauseMs = 1000;

export interface KeysOptions extends SealingOptions, RotationTimes {
  now: () => number;
}

/** The keys of this server in the memory of this process. */
export interface Keys {
  /** False where private keys lie in the database as they are, because there is no secret: worth a warning. */
  readonly sealed: boolean;
  /** A token by the active key. Throws a RangeError where it would exceed `maxTokenLength`. `typ` is JWT by default. */
  sign(claims: Claims, options?: { typ?: string | undefined }): string;
  /**
   * The same by another thread, of claims that are JSON already, exactly as JSON.stringify writes it: for what is asked for
   * many times a second.
   */
  signAside(json: string): Promise<string>;
  /** Whether a key of ours signed it, as far as this process knows now; says nothing of its claims (see `checkClaims`). */
  verify(token: string, options?: { typ?: string | undefined }): JwsResult;
  /** Like `verify`, but looks for an unknown key in the database first, as `reload` does. */
  verifyOrReload(token: string, options?: { typ?: string | undefined }): Promise<JwsResult>;
  /**
   * For a key that is unknown here: reads the keys again unless that was done within the last second, whoever asks. True
   * when they were read.
   */
  reload(): Promise<boolean>;
  /** Reads the keys again. For a job of every process. Rejects, and keeps those that it has, where they cannot be opened. */
  refresh(): Promise<void>;
  /** Makes and drops keys where that is due. For a job of one process; right however many do it. */
  rotate(): Promise<Rotated>;
  /**
   * In an emergency: a new key signs from now on. The former ones verify until `overlap` is over; with `drop`, what they
   * signed is refused everywhere within `keyIntervals.refreshMs`. Resolves with the id of the new one.
   */
  replace(how: Replacement): Promise<string>;
  /** What verifies our tokens, for anybody: not to be changed. */
  jwks(): Jwks;
  /** HMAC-SHA256 by a key that never changes. What is authenticated begins with what it is for. */
  hmac(data: Uint8Array | string): Buffer;
  /**
   * Seals a text for the facts, bound to what it is of, under what keys are sealed under. Undefined where they are not sealed:
   * whoever reads the facts would read that as well. `unseal` throws where it was bound to something else, or was changed.
   */
  readonly sealer:
    | { seal(text: string, boundTo: string): string; unseal(sealed: string, boundTo: string): string }
    | undefined;
}

/**
 * Opens the keys, and makes them where there are none. Throws an Error for the operator where they cannot be opened; then
 * nothing was made.
 */
export async function openKeys(db: Database, options: KeysOptions): Promise<Keys> {
  const { now } = options;
  let rows = await readKeyRows(db);
  let sealers = await chooseSealers(rows, options);
  let set = openKeySet(rows, sealers);
  while (!isComplete(set)) {
    await makeMissing(db, set, now(), sealers[0]);
    // Another process may have been faster, and then its keys are the ones.
    rows = await readKeyRows(db);
    sealers = await chooseSealers(rows, options);
    set = openKeySet(rows, sealers);
  }
  await sealOpenRows(db, rows, sealers);

  let known = '';
  let loadedAt = now();
  let loading: Promise<void> | undefined;
  const load = async () => {
    loadedAt = now();
    const found = await readKeyRows(db);
    const text = JSON.stringify(found);
    if (text === known) return;
    const next = openKeySet(found, sealers);
    if (!isComplete(next))
      throw new Error('keys are missing in the table signing_keys; those in memory are still used');
    await sealOpenRows(db, found, sealers);
    [set, known] = [next, text];
  };
  const loadOnce = () => (loading ??= load().finally(() => (loading = undefined)));
  const refresh = async () => {
    // One that is under way may have begun before what the caller wants to see.
    await loading?.catch(() => {});
    await loadOnce();
  };
  const reload = async () => {
    const since = now() - loadedAt;
    if (!loading && since >= 0 && since < reloadPauseMs) return false;
    await loadOnce();
    return true;
  };
  const verify: Keys['verify'] = (token, how) => verifyJws(token, (kid) => set.verifiers.get(kid), how);

  const signer = () => signingKey(set.signers, now()).signer;

  const hmac: Keys['hmac'] = (data) => createHmac('sha256', set.hmacKey!).update(data).digest();

  return {
    sealed: sealers.length > 0,
    sign: (claims, how) => signJws(signer(), claims, how?.typ),
    signAside: (json) => signJsonAside(signer(), json),
    verify,
    async verifyOrReload(token, how) {
      const result = verify(token, how);
      const unknown = !result.ok && result.reason === 'unknown-kid';
      return unknown && (await reload()) ? verify(token, how) : result;
    },
    reload,
    refresh,
    async rotate() {
      const rotated = await rotateTokenKeys(db, now(), options, sealers[0]);
      if (rotated.made !== undefined || rotated.dropped.length > 0) await refresh();
      return rotated;
    },
    async replace(how) {
      const kid = await replaceTokenKeys(db, now, how, sealers[0]);
      await refresh();
      return kid;
    },
    jwks: () => set.jwks,
    hmac,
    sealer: sealers.length > 0 ? textSealer(hmac('seal\0texts')) : undefined,
  };
}

/** Its key is derived from one that is sealed itself and never changes, so that all processes have it. */
function textSealer(key: Buffer): NonNullable<Keys['sealer']> {
  const { seal, unseal } = createSealer(key.toString('base64url'));
  return {
    seal: (text, boundTo) => seal(Buffer.from(text), boundTo),
    unseal: (sealed, boundTo) => unseal(sealed, boundTo).toString(),
  };
}

/** Whether both are the same, in a time that tells nothing but the lengths. */
export function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

function isComplete({ signers, hmacKey }: KeySet): boolean {
  return signers.length > 0 && hmacKey !== undefined;
}

/** The first keys: they are active at once. All in one transaction, so that they are sealed under one secret. */
async function makeMissing(db: Database, set: KeySet, now: number, sealer: Sealer | undefined): Promise<void> {
  const rows: KeyRow[] = [];
  if (set.signers.length === 0) rows.push(newTokenRow(1, now, now, sealer));
  if (!set.hmacKey) rows.push(newHmacRow(now, sealer));
  await db.write(async (tx) => {
    for (const row of rows) await insertKey(tx, row);
  });
}

/** Seals what was made before there was a secret, or under the one that a configured one has taken over from. */
async function sealOpenRows(db: Database, rows: readonly KeyRow[], sealers: readonly Sealer[]): Promise<void> {
  const sealer = sealers[0];
  if (!sealer) return;
  const others = rows
    .filter(({ sealed_by }) => sealed_by !== sealer.fingerprint)
    .map((row) => ({ before: row, after: sealRow(row, unsealRow(row, sealers), sealer) }));
  if (others.length === 0) return;
  await db.write(async (tx) => {
    for (const { before, after } of others) await resealKey(tx, before, after);
  });
}
