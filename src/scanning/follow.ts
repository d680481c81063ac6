import { hasPlaces } from '../catalog/index.ts';
import type { Database } from '../database/index.ts';
import { consumeEvents, type Event } from '../events/index.ts';
import { type Digest, mediaTypes } from '../oci/index.ts';
import { findScan, forgetImage } from './image-store.ts';
import { requestScan } from './queue.ts';

const indexTypes = new Set<unknown>([mediaTypes.ociIndex, mediaTypes.dockerList]);

/** Under what name this follows events. */
const subscriber = 'scanning';

/**
 * Asks for scans of what was pushed, imported or copied, and forgets what is in no repository any more. Returns how many events
 * it has handled.
 */
export function followContent(db: Database, now: () => number, limit = 100): Promise<number> {
  return consumeEvents(db, subscriber, (event) => follow(db, event, now()), limit);
}

async function follow(db: Database, { type, data }: Event, now: number): Promise<void> {
  const digest = data.digest as Digest;
  if (type === 'manifest.pushed' || type === 'manifest.quarantined') {
    // What is let out of quarantine was scanned when it came in; of an index each image is.
    if (data.released !== true && !indexTypes.has(data.mediaType))
      await requestScan(db, digest, 'push', now, { durable: false });
  } else if (type === 'manifest.deleted') {
    const scan = await findScan(db, digest);
    if (!scan || (await hasPlaces(db, digest))) return;
    await db.write((tx) => forgetImage(tx, scan.id));
  }
}
