import { hasPlaces, imagesAfter } from '../catalog/index.ts';
import { findBlobs } from '../content/index.ts';
import { type Database, listsOf } from '../database/index.ts';
import { extractorRevision } from '../inventory/index.ts';
import type { Digest } from '../oci/index.ts';
import { forgetImage } from './image-store.ts';
import { requestScan } from './queue.ts';
import './tables.ts';

/** Images of a round. */
const atOnce = 200;

interface Row {
  id: number;
  digest: Digest;
  state: string;
  at: number;
  revision: number | null;
}

/**
 * Asks for scans of images that nobody has asked for: those that were there before scanning was, those whose last scan is some
 * time ago, and those that were read by an earlier revision. Looks at some images behind `after`; resolves
 * with where to go on, '' at the end.
 */
export async function lookForWork(
  db: Database,
  after: string,
  { now, againMs }: { now: number; againMs: number },
): Promise<{ after: string; asked: number }> {
  const { digests, last } = await imagesAfter(db, after, atOnce);
  const known = new Map((await scansOf(db, digests)).map((row) => [row.digest, row]));
  let asked = 0;
  for (const digest of digests) {
    const scan = known.get(digest);
    if (scan && !isDue(scan, now - againMs)) continue;
    await requestScan(db, digest, 'schedule', now);
    asked++;
  }
  return { after: last ?? '', asked };
}

function isDue({ state, at, revision }: Row, before: number): boolean {
  if (state === 'queued' || state === 'running') return false;
  // What held nothing to scan holds nothing tomorrow.
  if (state === 'done' && revision === null) return false;
  return at < before || (revision !== null && revision < extractorRevision);
}

async function scansOf(db: Database, digests: readonly string[]): Promise<Row[]> {
  const found = listsOf(digests).map(({ list, values }) =>
    db.all<Row>(
      `SELECT s.id AS id, s.digest AS digest, s.state AS state, i.revision AS revision,
          CASE WHEN s.state = 'done' THEN COALESCE(s.ended_at, s.requested_at) ELSE s.requested_at END AS at
        FROM scans s LEFT JOIN image_inventories i ON i.scan_id = s.id WHERE s.digest IN (${list})`,
      values,
    ),
  );
  return (await Promise.all(found)).flat();
}

/**
 * Forgets inventories of layers that are stored no more or were made by an earlier revision, and images that are in no repository
 * any more, where nobody said so. Looks at some behind `after`; resolves with where to go on, '' at the end.
 */
export async function trimInventories(db: Database, after: string): Promise<string> {
  const layers = await db.all<{ digest: Digest; revision: number }>(
    'SELECT digest, revision FROM layer_inventories WHERE digest > ? ORDER BY digest, revision LIMIT ?',
    [after, atOnce],
  );
  const images = await db.all<{ id: number; digest: Digest }>(
    `SELECT id, digest FROM scans WHERE digest > ? AND state <> 'running' ORDER BY digest LIMIT ?`,
    [after, atOnce],
  );
  const stored = await findBlobs(
    db,
    layers.map(({ digest }) => digest),
  );
  const gone = layers.filter(({ digest, revision }) => revision < extractorRevision || !stored.has(digest));
  const left: number[] = [];
  for (const { id, digest } of images) if (!(await hasPlaces(db, digest))) left.push(id);
  if (gone.length + left.length > 0) {
    await db.write(async (tx) => {
      for (const { digest, revision } of gone) {
        tx.send('DELETE FROM layer_inventories WHERE digest = ? AND revision = ?', [digest, revision]);
      }
      for (const id of left) await forgetImage(tx, id);
    });
  }
  const lasts = [layers, images].filter((rows) => rows.length === atOnce).map((rows) => rows.at(-1)!.digest);
  // The one that came less far.
  return lasts.toSorted()[0] ?? '';
}
