import { type Database, listsOf, packJson, unpackJson } from '../database/index.ts';
import type { ImageInventory } from '../inventory/index.ts';
import { ecosystemsOf, inventoriesOf, type InventoryStatus, type StoredInventory } from './image-store.ts';
import './tables.ts';

/*
 * What of an inventory an update of the advisories is compared with, which is read for each image that it concerns: a third of
 * it. It lies beside the inventory, and says of which one it is: nodes of the version before write that alone.
 */

/** A package of an image that advisories may speak of. */
export interface MatchedPackage {
  /** In the components of the inventory. */
  place: number;
  componentId: number;
  purl: string;
  installedName: string;
  installedVersion: string;
}

export interface MatchedInventory extends Pick<StoredInventory, 'status' | 'scannedAt' | 'baseCreatedAt'> {
  os?: ImageInventory['os'];
  ecosystems: string[];
  packages: MatchedPackage[];
}

/** As it lies in the column: packages are rows, in the order of `MatchedPackage`. */
interface Packed {
  scannedAt: number;
  baseCreatedAt?: number;
  os?: ImageInventory['os'];
  ecosystems: string[];
  packages: [number, number, string, string, string][];
}

export function matchedIn(stored: Omit<StoredInventory, 'revision'>): MatchedInventory {
  const { inventory, componentIds, baseCreatedAt, status, scannedAt } = stored;
  return {
    status,
    scannedAt,
    baseCreatedAt,
    ...(inventory.os && { os: inventory.os }),
    ecosystems: ecosystemsOf(inventory),
    packages: inventory.components.flatMap(({ purl, installedName, installedVersion }, place) => {
      const componentId = componentIds[place] ?? null;
      return componentId === null ? [] : [{ place, componentId, purl, installedName, installedVersion }];
    }),
  };
}

export function packMatched({ scannedAt, baseCreatedAt, os, ecosystems, packages }: MatchedInventory): Uint8Array {
  const rows = packages.map(
    ({ place, componentId, purl, installedName, installedVersion }): Packed['packages'][number] => [
      place,
      componentId,
      purl,
      installedName,
      installedVersion,
    ],
  );
  return packJson({
    scannedAt,
    ...(baseCreatedAt !== undefined && { baseCreatedAt }),
    ...(os && { os }),
    ecosystems,
    packages: rows,
  } satisfies Packed);
}

/** Of several images, by their scans; of those that were never read there is nothing. */
export async function matchedInventories(
  db: Database,
  scanIds: readonly number[],
): Promise<Map<number, MatchedInventory>> {
  const found = listsOf(scanIds).map(({ list, values }) =>
    db.all<{ id: number; status: InventoryStatus; scannedAt: number; packages: Uint8Array | null }>(
      `SELECT scan_id AS id, status, scanned_at AS "scannedAt", packages FROM image_inventories WHERE scan_id IN (${list})`,
      values,
    ),
  );
  const matched = new Map<number, MatchedInventory>();
  const others: number[] = [];
  for (const { id, status, scannedAt, packages } of (await Promise.all(found)).flat()) {
    const packed = packages && unpackJson<Packed>(packages);
    if (packed?.scannedAt !== scannedAt) others.push(id);
    else
      matched.set(id, { status, ...packed, baseCreatedAt: packed.baseCreatedAt, packages: packed.packages.map(named) });
  }
  if (others.length === 0) return matched;
  for (const [id, stored] of await inventoriesOf(db, others)) matched.set(id, matchedIn(stored));
  return matched;
}

const named = ([place, componentId, purl, installedName, installedVersion]: Packed['packages'][number]) => ({
  place,
  componentId,
  purl,
  installedName,
  installedVersion,
});
