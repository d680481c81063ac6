import { type Database, packJson, type Transaction, unpackJson } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Evidence, EvidenceKind } from './evidence.ts';
import './tables.ts';

/** Most findings of an image that are kept (the worst ones would be the caller's to choose). */
const mostFindings = 50_000;

/** A number that nobody has written before. */
export const newVersion = (): number => Math.floor(Math.random() * 2 ** 44);

/**
 * Keeps what is known of a digest, in place of what was known of that kind before. From the commit on nobody believes a
 * verdict that was made without it; they are made anew in the background, or when somebody pulls. In a transaction of its
 * own. Evidence of what is not there yet is kept, too: a signature may come before its subject. Throws RangeError beyond
 * its bounds.
 */
export async function writeEvidence(
  db: Database,
  registryId: number,
  digest: Digest,
  evidence: Evidence,
  now: number = Date.now(),
): Promise<void> {
  if (evidence.findings.length > mostFindings) {
    throw new RangeError(`evidence has at most ${mostFindings} findings, not ${evidence.findings.length}`);
  }
  const body = packJson(evidence);
  await db.write(async (tx) => {
    await tx.run(
      `INSERT INTO evidence (registry_id, digest, kind, body, version, written_at) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (digest, registry_id, kind)
          DO UPDATE SET body = excluded.body, version = excluded.version, written_at = excluded.written_at`,
      [registryId, digest, evidence.kind, body, newVersion(), now],
    );
    tx.send('UPDATE verdicts SET due = -1 WHERE digest = ? AND registry_id = ?', [digest, registryId]);
  });
}

/** What is known of a digest, of one kind, with its version. */
export async function readEvidence<K extends EvidenceKind>(
  db: Database,
  registryId: number,
  digest: Digest,
  kind: K,
): Promise<{ evidence: Extract<Evidence, { kind: K }>; version: number } | undefined> {
  const row = await db.first<{ body: Uint8Array<ArrayBuffer>; version: number }>(
    'SELECT body, version FROM evidence WHERE digest = ? AND registry_id = ? AND kind = ?',
    [digest, registryId, kind],
  );
  if (!row) return undefined;
  return { evidence: unpackJson<Extract<Evidence, { kind: K }>>(row.body), version: row.version };
}

/** Forgets what is known of a digest in a registry. */
export async function forgetEvidence(tx: Transaction, registryId: number, digest: string): Promise<void> {
  await tx.run('DELETE FROM evidence WHERE digest = ? AND registry_id = ?', [digest, registryId]);
}
