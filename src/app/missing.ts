import { dropMissingBlob, readsObject } from '../catalog/index.ts';
import { requireStore } from '../content/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Log, Metrics } from '../telemetry/index.ts';
import type { Storage } from './storage.ts';

/**
 * A pull found no object. Unless it was collected or brought back meanwhile, its facts go too: clients are told that it is
 * not here, and the next push brings the bytes back.
 */
export async function forgetMissing(
  { db, blobs, catalog }: Storage,
  digest: Digest,
  key: string,
  metrics: Metrics,
  log: Log,
): Promise<void> {
  try {
    if ((await blobs.size(key)) !== undefined || !(await readsObject(catalog, digest, key))) return;
    metrics.missingFiles.inc();
    // One file that is gone is damage; all of them gone is a disk that is not mounted, and its facts must stay.
    await requireStore(db, blobs);
    const links = await dropMissingBlob(catalog, digest, key);
    log.error({ digest, links }, 'the bytes of a blob are gone; it is forgotten, so that a push brings it back');
  } catch (error) {
    log.error({ digest, err: error }, 'the bytes of a blob are gone; it could not be forgotten');
  }
}
