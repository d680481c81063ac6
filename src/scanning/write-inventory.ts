import { type Database, packJson, type Parameter, rowsOf } from '../database/index.ts';
import type { InventoryBody, StoredInventory } from './image-store.ts';
import { matchedIn, packMatched } from './matched-packages.ts';
import './tables.ts';

/** Keeps what is in an image, in place of what was known before. */
export async function writeInventory(db: Database, scanId: number, stored: StoredInventory): Promise<void> {
  const { inventory, componentIds, baseCreatedAt, revision, status, scannedAt } = stored;
  const body = packJson({ inventory, componentIds, baseCreatedAt } satisfies InventoryBody);
  const packages = packMatched(matchedIn(stored));
  const ids = [...new Set(componentIds.filter((id) => id !== null))].toSorted((a, b) => a - b);
  await db.write(async (tx) => {
    // Forgotten meanwhile: nobody would ever find it.
    if (!(await tx.first('SELECT id FROM scans WHERE id = ? FOR UPDATE', [scanId]))) return;
    await tx.run(
      `INSERT INTO image_inventories (scan_id, revision, status, scanned_at, body, packages) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (scan_id) DO UPDATE SET revision = excluded.revision, status = excluded.status,
          scanned_at = excluded.scanned_at, body = excluded.body, packages = excluded.packages`,
      [scanId, revision, status, scannedAt, body, packages],
    );
    tx.send('DELETE FROM image_components WHERE scan_id = ?', [scanId]);
    for (const { rows, values } of rowsOf<Parameter>(ids.map((id) => [id, scanId]))) {
      tx.send(`INSERT INTO image_components (component_id, scan_id) VALUES ${rows}`, values);
    }
  });
}
