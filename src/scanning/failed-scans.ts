import { type Catalog, describeTagsOf, placesAmong } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';
import type { ListFailedInput } from './contract.ts';
import './tables.ts';

/** Repositories of the images of an answer, and tags of each, that are named. */
const mostPlaces = 5000;
const mostTags = 20;
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
    const digests = scans.map(({ digest }) => digest);
    const places = Map.groupBy(await placesAmong(db, registryId, digests, mostPlaces), ({ digest }) => digest);
    const images = scans.flatMap(({ digest, attempts, error, requestedAt }) =>
      (places.get(digest) ?? []).map(async ({ repositoryId: id, repository }) => {
        const place = { id, registryId, name: repository };
        const tags = await describeTagsOf(catalog, place, digest, { last: '', limit: mostTags });
        return {
          repository,
          digest,
          tags: tags.map(({ name }) => name),
          attempts,
          requestedTime: new Date(requestedAt).toISOString(),
          ...(error !== null && { error }),
        };
      }),
    );
    const more = scans.length === top;
    if (!more || images.length > 0 || round === mostRounds) {
      return { ...(more && { next: last }), images: await Promise.all(images) };
    }
  }
}
