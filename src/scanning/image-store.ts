import { hasPlaces } from '../catalog/index.ts';
import { type Database, listsOf, type Transaction, unpackJson } from '../database/index.ts';
import type { ImageInventory } from '../inventory/index.ts';
import type { Digest } from '../oci/index.ts';
import type { ScanState } from './tables.ts';
import './tables.ts';

/** How far the packages of an image are known. */
export type InventoryStatus = 'complete' | 'partial' | 'unsupported';

/** What is in an image, with the ids of its components. */
export interface StoredInventory {
  status: InventoryStatus;
  inventory: ImageInventory;
  /** Of `inventory.components`, in their order; null of one whose ecosystem nobody publishes advisories for. */
  componentIds: (number | null)[];
  /** When its lowest layer was made (ms), by what its config says. */
  baseCreatedAt: number | undefined;
  revision: number;
  scannedAt: number;
}

/** As it lies in the column. */
export type InventoryBody = Pick<StoredInventory, 'inventory' | 'componentIds' | 'baseCreatedAt'>;

/** Whose advisories speak of the packages of an image. */
export const ecosystemsOf = ({ components }: ImageInventory): string[] =>
  [...new Set(components.map(({ ecosystem }) => ecosystem))].filter(Boolean);

/** The scan of a digest, if it was ever asked for. */
export function findScan(db: Database, digest: Digest) {
  return db.first<ScanFacts>(`SELECT ${scanColumns} FROM scans WHERE digest = ?`, [digest]);
}

export const scanColumns = `id, digest, state, reason, requested_at AS "requestedAt", started_at AS "startedAt", attempts, error`;

export interface ScanFacts {
  id: number;
  digest: Digest;
  state: ScanState;
  reason: string;
  /** Times are ms. */
  requestedAt: number;
  startedAt: number | null;
  attempts: number;
  error: string | null;
}

/** What has read an image, and how far; undefined where nothing has. */
export function readingOf(
  db: Database,
  scanId: number,
): Promise<Pick<StoredInventory, 'revision' | 'status'> | undefined> {
  return db.first('SELECT revision, status FROM image_inventories WHERE scan_id = ?', [scanId]);
}

export async function readInventory(db: Database, scanId: number): Promise<StoredInventory | undefined> {
  return (await inventoriesOf(db, [scanId])).get(scanId);
}

/** Of several images, by their scans; of those that were never read there is nothing. */
export async function inventoriesOf(db: Database, scanIds: readonly number[]): Promise<Map<number, StoredInventory>> {
  const found = listsOf(scanIds).map(({ list, values }) =>
    db.all<{ id: number; revision: number; status: InventoryStatus; scannedAt: number; body: Uint8Array<ArrayBuffer> }>(
      `SELECT scan_id AS id, revision, status, scanned_at AS "scannedAt", body FROM image_inventories
        WHERE scan_id IN (${list})`,
      values,
    ),
  );
  const rows = (await Promise.all(found)).flat();
  return new Map(rows.map(({ id, body, ...row }) => [id, { ...row, ...unpackJson<InventoryBody>(body) }]));
}

const tablesOfImages = [
  'engine_scans',
  'engine_findings',
  'image_findings',
  'image_components',
  'image_inventories',
  'finding_changes',
];

/**
 * Forgets all that is known of an image that is in no repository. One that is by now stays: whoever asks for its scan waits for this, and
 * begins anew.
 */
export async function forgetImage(tx: Transaction, scanId: number): Promise<void> {
  const scan = await tx.first<{ digest: Digest }>('SELECT digest FROM scans WHERE id = ? FOR UPDATE', [scanId]);
  if (!scan || (await hasPlaces(tx, scan.digest))) return;
  for (const table of tablesOfImages) {
    tx.send(`DELETE FROM ${table} WHERE scan_id = ?`, [scanId]);
  }
  tx.send('DELETE FROM scans WHERE id = ?', [scanId]);
}
