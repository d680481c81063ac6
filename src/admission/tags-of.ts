import { type Catalog, describeTagsOf } from '../catalog/index.ts';
import type { ImagePlace } from './verdict-store.ts';

/** Most tags of an image that are named. */
const mostTags = 20;

/** The first tags of an image: people know it by them. */
export async function tagsOf(catalog: Catalog, place: ImagePlace, limit = mostTags): Promise<string[]> {
  const { repositoryId: id, registryId, repository: name, digest } = place;
  const tags = await describeTagsOf(catalog, { id, registryId, name }, digest, { last: '', limit });
  return tags.map((tag) => tag.name);
}
