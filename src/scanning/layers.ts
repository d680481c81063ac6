import type { BlobBody, BlobStore } from '../content/index.ts';
import { findBlob } from '../content/index.ts';
import { type Database, listsOf, packJson, unpackJson } from '../database/index.ts';
import {
  extractorRevision,
  type LayerBytes,
  type LayerInventory,
  type LayerReaders,
  unreadLayer,
} from '../inventory/index.ts';
import type { Digest } from '../oci/index.ts';
import './tables.ts';

/** A layer that could not be read so often is not read again for the images that have it, until what reads layers changes. */
const mostFailures = 3;

export interface LayerSource {
  db: Database;
  blobs: Pick<BlobStore, 'read'>;
  now(): number;
  extract: LayerReaders['read'];
}

interface Row {
  body: Uint8Array<ArrayBuffer> | null;
  failure: string | null;
  failures: number;
}

/**
 * What is in a layer: read once for the whole server, whatever images have it. One that ends the process that reads it, again
 * and again, is remembered as such, so that it does not cost every image that has it the same. Throws where the bytes cannot be
 * read now; what is wrong with them is a warning of the inventory.
 */
export async function inventoryOf(
  { db, blobs, now, extract }: LayerSource,
  { digest, mediaType }: { digest: Digest; mediaType: string },
  signal: AbortSignal,
): Promise<LayerInventory> {
  const known = await db.first<Row>(
    'SELECT body, failure, failures FROM layer_inventories WHERE digest = ? AND revision = ?',
    [digest, extractorRevision],
  );
  if (known?.body) return unpackJson(known.body);
  if (known && known.failures >= mostFailures) return unreadLayer('no-inventory', known.failure ?? undefined);
  const blob = await findBlob(db, digest);
  // A foreign layer, which lies with its vendor.
  if (!blob) return unreadLayer('foreign-layer');
  const open = async () => bytesOf(blob.size === 0 ? new Uint8Array() : await blobs.read(blob.key, 0, blob.size - 1));
  const read = await extract(open, { mediaType, signal });
  signal.throwIfAborted();
  await db.change(
    `INSERT INTO layer_inventories (digest, revision, body, failure, failures, read_at) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (digest, revision) DO UPDATE SET body = COALESCE(excluded.body, layer_inventories.body),
        failure = excluded.failure, failures = layer_inventories.failures + excluded.failures, read_at = excluded.read_at
      RETURNING digest`,
    read.ok
      ? [digest, extractorRevision, packJson(read.inventory), null, 0, now()]
      : [digest, extractorRevision, null, `${read.reason}: ${read.detail}`.slice(0, 500), 1, now()],
    { durable: false },
  );
  if (read.ok) return read.inventory;
  if ((known?.failures ?? 0) + 1 >= mostFailures) return unreadLayer('no-inventory', `${read.reason}: ${read.detail}`);
  throw new Error(`layer ${digest} could not be read (${read.reason}: ${read.detail})`);
}

/**
 * Has layers that were given up read once more: more memory or time may be given by now. Those that fail again are given up again, so
 * that an image with several of them ends. Resolves with whether there were any.
 */
export async function readOnceMore(db: Database, layers: readonly { digest: Digest }[]): Promise<boolean> {
  const given = listsOf(layers.map(({ digest }) => digest)).map(({ list, values }) =>
    db.change(
      `UPDATE layer_inventories SET failures = ? WHERE digest IN (${list}) AND revision = ? AND body IS NULL AND failures >= ?
        RETURNING digest`,
      [mostFailures - 1, ...values, extractorRevision, mostFailures],
      { durable: false },
    ),
  );
  return (await Promise.all(given)).flat().length > 0;
}

/** Whether any of these layers, of which an image has nothing, is not given up by now: it was read meanwhile, or is to be read anew. */
export async function canBeHad(db: Database, layers: readonly Digest[]): Promise<boolean> {
  const wanted = new Set(layers);
  const found = listsOf([...wanted]).map(({ list, values }) =>
    db.all<{ digest: Digest }>(
      `SELECT digest FROM layer_inventories WHERE digest IN (${list}) AND revision = ? AND body IS NULL AND failures >= ?`,
      [...values, extractorRevision, mostFailures],
    ),
  );
  for (const { digest } of (await Promise.all(found)).flat()) wanted.delete(digest);
  return wanted.size > 0;
}

/** A file is opened by the process that reads it: no byte of it comes through this one. */
function bytesOf(body: BlobBody): LayerBytes {
  if (body instanceof ReadableStream) return body;
  if (body instanceof Blob && 'name' in body) return body as LayerBytes;
  return new Blob([body]).stream();
}
