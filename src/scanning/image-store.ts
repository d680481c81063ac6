import { type Database, packJson, type Parameter, rowsOf, type Transaction, unpackJson } from '../database/index.ts';
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

type Body = Pick<StoredInventory, 'inventory' | 'componentIds' | 'baseCreatedAt'>;

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

/** Of what has read an image; undefined where nothing has. */
export async function revisionOf(db: Database, scanId: number): Promise<number | undefined> {
  const row = await db.first<{ revision: number }>('SELECT revision FROM image_inventories WHERE scan_id = ?', [
    scanId,
  ]);
  return row?.revision;
}

export async function readInventory(db: Database, scanId: number): Promise<StoredInventory | undefined> {
  const row = await db.first<{
    revision: number;
    status: InventoryStatus;
    scannedAt: number;
    body: Uint8Array<ArrayBuffer>;
  }>('SELECT revision, status, scanned_at AS "scannedAt", body FROM image_inventories WHERE scan_id = ?', [scanId]);
  return row && { revision: row.revision, status: row.status, scannedAt: row.scannedAt, ...unpackJson<Body>(row.body) };
}

/** Keeps what is in an image, in place of what was known before. */
export async function writeInventory(db: Database, scanId: number, stored: StoredInventory): Promise<void> {
  const { inventory, componentIds, baseCreatedAt, revision, status, scannedAt } = stored;
  const body = packJson({ inventory, componentIds, baseCreatedAt } satisfies Body);
  const ids = [...new Set(componentIds.filter((id) => id !== null))].toSorted((a, b) => a - b);
  await db.write(async (tx) => {
    // Forgotten meanwhile: nobody would ever find it.
    if (!(await tx.first('SELECT id FROM scans WHERE id = ? FOR UPDATE', [scanId]))) return;
    await tx.run(
      `INSERT INTO image_inventories (scan_id, revision, status, scanned_at, body) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (scan_id) DO UPDATE SET revision = excluded.revision, status = excluded.status,
          scanned_at = excluded.scanned_at, body = excluded.body`,
      [scanId, revision, status, scannedAt, body],
    );
    tx.send('DELETE FROM image_components WHERE scan_id = ?', [scanId]);
    for (const { rows, values } of rowsOf<Parameter>(ids.map((id) => [id, scanId]))) {
      tx.send(`INSERT INTO image_components (component_id, scan_id) VALUES ${rows}`, values);
    }
  });
}

/** Forgets all that is known of an image that is in no repository any more. */
export async function forgetImage(tx: Transaction, scanId: number): Promise<void> {
  if (!(await tx.first('SELECT id FROM scans WHERE id = ? FOR UPDATE', [scanId]))) return;
  for (const table of ['engine_scans', 'image_findings', 'image_components', 'image_inventories', 'finding_changes']) {
    tx.send(`DELETE FROM ${table} WHERE scan_id = ?`, [scanId]);
  }
  tx.send('DELETE FROM scans WHERE id = ?', [scanId]);
}
