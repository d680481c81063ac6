import {
  type Database,
  listsOf,
  packJson,
  type Parameter,
  rowsOf,
  type Transaction,
  unpackJson,
} from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Evidence, EvidenceKind } from './evidence.ts';
import './tables.ts';

/** Most findings of an image that are kept (the worst ones would be the caller's to choose). */
const mostFindings = 50_000;

/** A number that nobody has written before. */
export const newVersion = (): number => Math.floor(Math.random() * 2 ** 44);

/** Evidence as it is kept. */
export interface PackedEvidence {
  kind: EvidenceKind;
  body: Uint8Array;
}

/** What is to be kept of a digest in a registry. */
export interface KeptEvidence {
  registryId: number;
  digest: Digest;
  evidence: PackedEvidence;
}

/**
 * Evidence as it is kept: packed once, however many registries have the digest. `packed` are its findings as `packJson` has made
 * them, where the caller keeps them, too: that is most of the work. Throws RangeError beyond its bounds.
 */
export function packEvidence(evidence: Evidence): PackedEvidence;
export function packEvidence(evidence: Omit<Evidence, 'findings'>, packed: Uint8Array): PackedEvidence;
export function packEvidence(
  evidence: Omit<Evidence, 'findings'> & Partial<Evidence>,
  packed?: Uint8Array,
): PackedEvidence {
  const { kind, findings } = evidence;
  if (findings && findings.length > mostFindings) {
    throw new RangeError(`evidence has at most ${mostFindings} findings, not ${findings.length}`);
  }
  if (!packed) return { kind, body: packJson(evidence) };
  const head = JSON.stringify(evidence);
  // Frames of zstd that follow each other are one text (RFC 8878, section 3).
  const [before, after] = [`${head.slice(0, -1)},"findings":`, '}'].map((text) =>
    Bun.zstdCompressSync(text, { level: 1 }),
  );
  return { kind, body: Buffer.concat([before!, packed, after!]) };
}

/**
 * Keeps what is known of digests, in place of what was known of that kind before. From the commit on nobody believes a
 * verdict that was made without it; they are made anew in the background, or when somebody pulls. Evidence of what is not there
 * yet is kept, too: a signature may come before its subject. Locks the evidence, then the verdicts, each in the order of their
 * keys.
 */
export function keepEvidence(tx: Transaction, all: readonly KeptEvidence[], now: number): void {
  const ordered = all.toSorted((a, b) =>
    a.digest < b.digest ? -1 : a.digest > b.digest ? 1 : a.registryId - b.registryId,
  );
  const rows = ordered.map(({ registryId, digest, evidence: { kind, body } }) => [
    registryId,
    digest,
    kind,
    body,
    newVersion(),
    now,
  ]);
  for (const { rows: list, values } of rowsOf<Parameter>(rows)) {
    tx.send(
      `INSERT INTO evidence (registry_id, digest, kind, body, version, written_at) VALUES ${list}
        ON CONFLICT (digest, registry_id, kind)
          DO UPDATE SET body = excluded.body, version = excluded.version, written_at = excluded.written_at`,
      values,
    );
  }
  for (const [registryId, some] of Map.groupBy(ordered, (one) => one.registryId)) {
    for (const { list, values } of listsOf(some.map(({ digest }) => digest))) {
      const which = `FROM verdicts WHERE digest IN (${list}) AND registry_id = ?`;
      // Who else changes several verdicts does so in one repository, in the order of digests.
      tx.send(`SELECT digest ${which} ORDER BY digest, repository_id FOR UPDATE`, [...values, registryId]);
      tx.send(`UPDATE verdicts SET due = -1 WHERE digest IN (${list}) AND registry_id = ?`, [...values, registryId]);
    }
  }
}

/** Keeps what is known of a digest, in a transaction of its own. */
export async function writeEvidence(
  db: Database,
  registryId: number,
  digest: Digest,
  evidence: Evidence,
  now: number = Date.now(),
): Promise<void> {
  const packed = packEvidence(evidence);
  await db.write(async (tx) => keepEvidence(tx, [{ registryId, digest, evidence: packed }], now));
}

/**
 * What is known of a digest, of one kind, with the version of all kinds together: there may be some that only a newer version of
 * Bonded knows, and verdicts are compared with all of it. 0 where there is nothing.
 */
export async function readEvidence<K extends EvidenceKind>(
  db: Database,
  registryId: number,
  digest: Digest,
  kind: K,
): Promise<{ evidence: Extract<Evidence, { kind: K }> | undefined; version: number }> {
  const rows = await db.all<{ body: Uint8Array<ArrayBuffer> | null; version: number }>(
    'SELECT version, CASE kind WHEN ? THEN body END AS body FROM evidence WHERE digest = ? AND registry_id = ?',
    [kind, digest, registryId],
  );
  const body = rows.find((row) => row.body !== null)?.body;
  return {
    evidence: body ? unpackJson<Extract<Evidence, { kind: K }>>(body) : undefined,
    version: rows.reduce((sum, row) => sum + row.version, 0),
  };
}

/** Forgets what is known of a digest in a registry. */
export async function forgetEvidence(tx: Transaction, registryId: number, digest: string): Promise<void> {
  await tx.run('DELETE FROM evidence WHERE digest = ? AND registry_id = ?', [digest, registryId]);
}
