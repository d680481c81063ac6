import { type Catalog, describeManifest, type ManifestDescription, type Repository } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';

/** As admission looks at an index: images, and indexes in indexes. */
const mostManifests = 256;
const deepest = 4;

/**
 * The images that an index comes down to: those that it lists and those of indexes that it lists, each once, as far as this repository
 * has them. What another repository has of them is not told here. `tooMany`: there are more than are looked at.
 */
export async function imagesBelow(
  catalog: Catalog,
  repository: Repository,
  index: ManifestDescription,
): Promise<{ digests: Digest[]; tooMany: boolean }> {
  const seen = new Set<Digest>();
  const digests: Digest[] = [];
  let level = [index];
  for (let depth = 0; level.length > 0; depth++) {
    const indexes: ManifestDescription[] = [];
    for (const { digest } of level.flatMap(({ children }) => children)) {
      if (seen.has(digest)) continue;
      if (seen.size === mostManifests || depth === deepest) return { digests, tooMany: true };
      seen.add(digest);
      const child = await describeManifest(catalog, repository, digest);
      if (child?.kind === 'index') indexes.push(child);
      else if (child) digests.push(digest);
    }
    level = indexes;
  }
  return { digests, tooMany: false };
}
