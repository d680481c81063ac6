import { type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import { addTo, type Sums } from './storage-sums.ts';
import { addUsage } from './usage.ts';
import { everyDigest, everyRepository } from './usage-migration.ts';
import './tables.ts';

/*
 * Counts what was stored before storage was counted. It goes through the links in the order of their digests, and through
 * the manifests in the order of their keys; the triggers count what happens before the place it has come to, and leave the
 * rest to it. A round keeps other writers of the table out for as long as it takes, so it is short.
 */

/** Rows of a round; the links of one digest are never parted. */
const atOnce = 250;

/** Whether all that is stored has been counted. */
export async function isStorageCounted({ db }: Catalog): Promise<boolean> {
  const rows = await db.all<{ what: string; repository_id: number; digest: string }>(
    `SELECT what, repository_id, digest FROM storage_count WHERE what IN ('links', 'manifests')`,
    [],
  );
  return rows.every(({ what, repository_id, digest }) =>
    what === 'links' ? digest === everyDigest : repository_id === everyRepository,
  );
}

/** One round of counting. True when there is more to do. */
export async function countStorage(catalog: Catalog): Promise<boolean> {
  if (await isStorageCounted(catalog)) return false;
  const links = await catalog.db.write(async (tx) => (await lock(catalog, tx, 'blob_links'), countLinks(catalog, tx)));
  const manifests = await catalog.db.write(
    async (tx) => (await lock(catalog, tx, 'manifests'), countManifests(catalog, tx)),
  );
  return links || manifests;
}

/** Nobody else changes the table until the transaction ends; readers go on, and SQLite has one writer anyway. */
async function lock({ db }: Catalog, tx: Transaction, table: 'blob_links' | 'manifests'): Promise<void> {
  if (db.dialect === 'sqlite') return;
  // Behind something long that writes, everybody would wait who comes after us. It is tried again.
  tx.send(`SET LOCAL lock_timeout = '1s'`, []);
  await tx.run(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`, []);
}

interface LinkRow {
  digest: string;
  registry_id: number;
  repository_id: number;
  size: number;
}

const linkColumns = 'SELECT digest, registry_id, repository_id, size FROM blob_links';

async function countLinks(catalog: Catalog, tx: Transaction): Promise<boolean> {
  const place = await tx.first<{ digest: string }>(`SELECT digest FROM storage_count WHERE what = 'links'`, []);
  if (place!.digest === everyDigest) return false;
  const rows = await tx.all<LinkRow>(`${linkColumns} WHERE digest > ? ORDER BY digest, repository_id LIMIT ${atOnce}`, [
    place!.digest,
  ]);
  const last = rows.at(-1);
  const more = rows.length === atOnce;
  if (last && more) {
    rows.push(
      ...(await tx.all<LinkRow>(`${linkColumns} WHERE digest = ? AND repository_id > ? ORDER BY repository_id`, [
        last.digest,
        last.repository_id,
      ])),
    );
  }
  addLinks(catalog, tx, rows);
  tx.send(`UPDATE storage_count SET digest = ? WHERE what = 'links'`, [more ? last!.digest : everyDigest]);
  return more;
}

function addLinks(catalog: Catalog, tx: Transaction, rows: readonly LinkRow[]): void {
  const blobs = new Map<string, LinkRow & { links: number; repositories: number }>();
  const nameOf = ({ digest, registry_id }: LinkRow) => `${registry_id} ${digest}`;
  for (const row of rows) {
    const blob = blobs.get(nameOf(row));
    if (blob) {
      blob.links++;
      blob.repositories += row.repository_id;
    } else blobs.set(nameOf(row), { ...row, links: 1, repositories: row.repository_id });
  }
  const all = [...blobs.values()].map(({ digest, registry_id, size, links, repositories }) => {
    return [digest, registry_id, size, links, repositories];
  });
  for (const { rows: list, values } of rowsOf<Parameter>(all))
    tx.send(`INSERT INTO registry_blobs (digest, registry_id, size, links, repositories) VALUES ${list}`, values);
  const sums: Sums = new Map();
  for (const { registry_id, size } of blobs.values()) addTo(sums, registry_id, 0, { blobs: 1, blobBytes: size });
  for (const row of rows) {
    const alone = blobs.get(nameOf(row))!.links === 1;
    const ownBytes = alone ? row.size : 0;
    addTo(sums, row.registry_id, row.repository_id, { blobs: 1, blobBytes: row.size, ownBytes });
  }
  for (const { usage, ...of } of sums.values()) addUsage(catalog, tx, of, usage);
}

interface ManifestRow {
  registry_id: number;
  repository_id: number;
  digest: string;
  size: number;
}

async function countManifests(catalog: Catalog, tx: Transaction): Promise<boolean> {
  const place = await tx.first<{ repository_id: number; digest: string }>(
    `SELECT repository_id, digest FROM storage_count WHERE what = 'manifests'`,
    [],
  );
  if (place!.repository_id === everyRepository) return false;
  const rows = await tx.all<ManifestRow>(
    `SELECT registry_id, repository_id, digest, size FROM manifests WHERE (repository_id, digest) > (?, ?)
      ORDER BY repository_id, digest LIMIT ${atOnce}`,
    [place!.repository_id, place!.digest],
  );
  const sums: Sums = new Map();
  for (const { registry_id, repository_id, size } of rows)
    for (const id of [0, repository_id]) addTo(sums, registry_id, id, { manifests: 1, manifestBytes: size });
  for (const { usage, ...of } of sums.values()) addUsage(catalog, tx, of, usage);
  const last = rows.at(-1);
  const more = rows.length === atOnce;
  tx.send(`UPDATE storage_count SET repository_id = ?, digest = ? WHERE what = 'manifests'`, [
    more ? last!.repository_id : everyRepository,
    more ? last!.digest : '',
  ]);
  return more;
}
