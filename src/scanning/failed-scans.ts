import type { Catalog } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';
import type { ListFailedInput } from './contract.ts';
import { placeImages } from './place-images.ts';
import './tables.ts';

/** Pages without an image of this registry that are passed over for one answer. */
const mostRounds = 20;

interface FailedScan {
  id: number;
  digest: Digest;
  attempts: number;
  error: string | null;
  requestedAt: number;
}

/** The images of a registry that could not be scanned, and are left until somebody asks: in the order in which they were first seen. */
export async function failedScans(catalog: Catalog, registryId: number, { after = 0, top }: ListFailedInput) {
  const { db } = catalog;
  for (let last = after, round = 1; ; round++) {
    const scans = await db.all<FailedScan>(
      `SELECT id, digest, attempts, error, requested_at AS "requestedAt" FROM scans WHERE state = 'failed' AND id > ?
        ORDER BY id LIMIT ?`,
      [last, top],
    );
    last = scans.at(-1)?.id ?? last;
    const placed = await placeImages(catalog, registryId, scans);
    const images = placed.map(({ of: { attempts, error, requestedAt }, ...image }) => ({
      ...image,
      attempts,
      requestedTime: new Date(requestedAt).toISOString(),
      ...(error !== null && { error }),
    }));
    const more = scans.length === top;
    if (!more || images.length > 0 || round === mostRounds) {
      return { ...(more && { next: last }), images };
    }
  }
}
