import { type Catalog, describeTagsOf, placesAmong } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';

/** Repositories of the images of an answer, and tags of each, that are named. */
const mostPlaces = 5000;
const mostTags = 20;

interface PlacedImage<T> {
  repository: string;
  digest: Digest;
  tags: string[];
  of: T;
}

/** Images where a registry has them: one in several repositories stands in each, with its tags there. */
export async function placeImages<T extends { digest: Digest }>(
  catalog: Catalog,
  registryId: number,
  images: readonly T[],
): Promise<PlacedImage<T>[]> {
  const digests = images.map(({ digest }) => digest);
  const places = Map.groupBy(await placesAmong(catalog.db, registryId, digests, mostPlaces), ({ digest }) => digest);
  const placed = images.flatMap((of) =>
    (places.get(of.digest) ?? []).map(async ({ repositoryId: id, repository }) => {
      const place = { id, registryId, name: repository };
      const tags = await describeTagsOf(catalog, place, of.digest, { last: '', limit: mostTags });
      return { repository, digest: of.digest, tags: tags.map(({ name }) => name), of };
    }),
  );
  return Promise.all(placed);
}
