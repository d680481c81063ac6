import { type Database, type LookUps, unpackJson } from '../database/index.ts';
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
  const row = await db.first<{
    body: Uint8Array<ArrayBuffer>;
    summary: string;
    revision: number;
    scannedAt: number;
    evaluatedAt: number;
    version: number;
    engines: string;
  }>(
    `SELECT version, engines, body, summary, advisory_revision AS revision, scanned_at AS "scannedAt", evaluated_at AS "evaluatedAt"
      FROM image_findings WHERE scan_id = ?`,
    [scanId],
  );
  if (!row) return undefined;
  const { cut, ...summary } = JSON.parse(row.summary) as Summary & { cut: boolean };
  return {
    findings: unpackJson<Finding[]>(row.body),
    summary,
    isCut: cut,
    advisoryRevision: row.revision,
    scannedAt: row.scannedAt,
    evaluatedAt: row.evaluatedAt,
    version: row.version,
    engines: row.engines,
  };
}

/** Which findings these are; undefined where there are none yet. */
export async function versionOf(db: LookUps, scanId: number): Promise<number | undefined> {
  const row = await db.first<{ version: number }>('SELECT version FROM image_findings WHERE scan_id = ?', [scanId]);
  return row?.version;
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
