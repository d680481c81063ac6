import { type Database, listsOf, packJson, unpackJson } from '../database/index.ts';
import type { Finding, Summary } from './findings.ts';
import './tables.ts';

/** What is known against an image, as it was evaluated last. */
export interface StoredFindings {
  findings: Finding[];
  summary: Summary;
  /** There are more than are kept. */
  isCut: boolean;
  advisoryRevision: number;
  /** Of the inventory that it speaks of (ms). */
  scannedAt: number;
  /** ms. */
  evaluatedAt: number;
  /** Counts up with each time that they are kept. */
  version: number;
  /** Of what engines said (SaidByEngines). */
  engines: string;
}

export async function readFindings(db: Database, scanId: number): Promise<StoredFindings | undefined> {
  return (await findingsOf(db, [scanId])).get(scanId);
}

/** Of several images, by their scans; of those that were never evaluated there is nothing. */
export async function findingsOf(db: Database, scanIds: readonly number[]): Promise<Map<number, StoredFindings>> {
  const found = listsOf(scanIds).map(({ list, values }) =>
    db.all<{
      id: number;
      body: Uint8Array<ArrayBuffer>;
      summary: string;
      revision: number;
      scannedAt: number;
      evaluatedAt: number;
      version: number;
      engines: string;
    }>(
      `SELECT scan_id AS id, version, engines, body, summary, advisory_revision AS revision, scanned_at AS "scannedAt",
          evaluated_at AS "evaluatedAt"
        FROM image_findings WHERE scan_id IN (${list})`,
      values,
    ),
  );
  const rows = (await Promise.all(found)).flat();
  return new Map(
    rows.map(({ id, body, summary: text, revision, ...row }) => {
      const { cut, ...summary } = JSON.parse(text) as Summary & { cut: boolean };
      const findings = unpackJson<Finding[]>(body);
      return [id, { ...row, findings, summary, isCut: cut, advisoryRevision: revision }];
    }),
  );
}

/** The findings of an image as `packJson` has made them; of none where it was never evaluated. */
export async function packedFindings(db: Database, scanId: number): Promise<Uint8Array> {
  const row = await db.first<{ body: Uint8Array }>('SELECT body FROM image_findings WHERE scan_id = ?', [scanId]);
  return row?.body ?? packJson([]);
}

export interface FindingChange {
  vulnerability: string;
  purl: string;
  change: 'opened' | 'closed';
  /** ms. */
  at: number;
  advisoryRevision: number;
}

/** What came and went since an image was first scanned, the newest first. */
export function changesOf(db: Database, scanId: number, limit: number): Promise<FindingChange[]> {
  return db.all<FindingChange>(
    `SELECT vulnerability, purl, "change", at, advisory_revision AS "advisoryRevision" FROM finding_changes
      WHERE scan_id = ? ORDER BY id DESC LIMIT ?`,
    [scanId, limit],
  );
}
