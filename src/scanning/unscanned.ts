import { type Catalog, placesOf, pullsOf } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';
import './tables.ts';

/** Scans that are looked at, and places of each. */
const mostLooked = 100;
const mostPlaces = 10;
/** Since when an image waits too long, and how long ago a pull counts (ms). */
const patienceMs = 3_600_000;
const recentMs = 30 * 86_400_000;

/** Images that were given up, or have waited for more than an hour, and whether they were pulled in the last 30 days. */
export async function unscannedImages(
  catalog: Catalog,
  now: number,
): Promise<{ registryId: number; repository: string; digest: Digest; error: string | undefined; isPulled: boolean }[]> {
  const { db } = catalog;
  const scans = (
    await Promise.all([
      db.all<{ digest: Digest; error: string | null }>(
        `SELECT digest, error FROM scans WHERE state = 'failed' ORDER BY id LIMIT ?`,
        [mostLooked],
      ),
      db.all<{ digest: Digest; error: string | null }>(
        `SELECT digest, error FROM (SELECT digest, error, requested_at, ended_at FROM scans WHERE state = 'queued'
          ORDER BY priority DESC, not_before, id LIMIT ?) AS waiting WHERE ended_at IS NULL AND requested_at < ?`,
        [mostLooked, now - patienceMs],
      ),
    ])
  ).flat();
  const found = [];
  for (const { digest, error } of scans) {
    for (const { registryId, repositoryId, repository } of await placesOf(db, digest, mostPlaces)) {
      const place = { id: repositoryId, registryId, name: repository };
      const pulls = (await pullsOf(catalog, place, [digest])).get(digest);
      const isPulled = pulls !== undefined && pulls.lastPullAt >= now - recentMs;
      found.push({ registryId, repository, digest, error: error ?? undefined, isPulled });
    }
  }
  return found;
}
