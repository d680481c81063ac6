import { type Database, listsOf } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Summary } from './findings.ts';
import { type InventoryStatus, type ScanFacts, scanColumns } from './image-store.ts';
import './tables.ts';

/** Scans by digest, of those that were ever asked for. */
export async function scansOf(db: Database, digests: readonly Digest[]): Promise<Map<Digest, ScanFacts>> {
  const found = listsOf(digests).map(({ list, values }) =>
    db.all<ScanFacts>(`SELECT ${scanColumns} FROM scans WHERE digest IN (${list})`, values),
  );
  return new Map((await Promise.all(found)).flat().map((scan) => [scan.digest, scan]));
}

export interface ScanSummary {
  status: InventoryStatus;
  /** ms. */
  scannedAt: number;
  summary: Summary;
}

/** What was found in images, in numbers, by the ids of their scans. */
export async function summariesOf(db: Database, ids: readonly number[]): Promise<Map<number, ScanSummary>> {
  const found = listsOf(ids).map(({ list, values }) =>
    db.all<{ id: number; status: InventoryStatus; scannedAt: number; summary: string }>(
      `SELECT i.scan_id AS id, i.status AS status, i.scanned_at AS "scannedAt", f.summary AS summary
        FROM image_inventories i JOIN image_findings f ON f.scan_id = i.scan_id WHERE i.scan_id IN (${list})`,
      values,
    ),
  );
  return new Map(
    (await Promise.all(found)).flat().map(({ id, status, scannedAt, summary }) => {
      const { cut: _, ...numbers } = JSON.parse(summary) as Summary & { cut: boolean };
      return [id, { status, scannedAt, summary: numbers }];
    }),
  );
}
