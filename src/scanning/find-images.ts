import { componentsWith, findComponents } from '../advisories/index.ts';
import { type Catalog, describeManifest, placesOf } from '../catalog/index.ts';
import { type Database, listsOf } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import type { FindImagesInput } from './contract.ts';
import './tables.ts';

/** Components of an image that an answer names. */
const mostNamed = 20;
/** Repositories of one image. */
const mostPlaces = 1000;

export interface FoundImage {
  repository: string;
  digest: Digest;
  tags: string[];
  components: { ecosystem: string; name: string; version: string }[];
}

/** Images of a registry that have a component, or a vulnerability, in the order in which they were first seen. */
export async function findImages(
  catalog: Catalog,
  registryId: number,
  { component, vulnerability, skip, top }: FindImagesInput,
): Promise<{ more: boolean; images: FoundImage[] }> {
  const { db } = catalog;
  const found = component === undefined ? undefined : await findComponents(db, component);
  const vulnerable = vulnerability === undefined ? undefined : await componentsWith(db, vulnerability);
  const ids = new Set((found ?? vulnerable ?? []).map(({ id }) => id));
  if (found && vulnerable) {
    const both = new Set(vulnerable.map(({ id }) => id));
    for (const id of ids) if (!both.has(id)) ids.delete(id);
  }
  const components = new Map((found ?? vulnerable ?? []).map((one) => [one.id, one]));
  const holders = await imagesOf(db, [...ids]);
  const images: FoundImage[] = [];
  let passed = 0;
  for (const { digest, componentIds } of holders) {
    for (const { registryId: at, repositoryId, repository } of await placesOf(db, digest, mostPlaces)) {
      if (at !== registryId || passed++ < skip) continue;
      if (images.length === top) return { more: true, images };
      const manifest = await describeManifest(catalog, { id: repositoryId, registryId, name: repository }, digest);
      const named = componentIds.slice(0, mostNamed).map((id) => components.get(id)!);
      images.push({
        repository,
        digest,
        tags: manifest?.tags ?? [],
        components: named.map(({ ecosystem, name, version }) => ({ ecosystem, name, version })),
      });
    }
  }
  return { more: false, images };
}

async function imagesOf(db: Database, ids: readonly number[]) {
  const images = new Map<number, { digest: Digest; componentIds: number[] }>();
  for (const { list, values } of listsOf(ids)) {
    const rows = await db.all<{ id: number; digest: Digest; component: number }>(
      `SELECT s.id AS id, s.digest AS digest, c.component_id AS component
        FROM image_components c JOIN scans s ON s.id = c.scan_id WHERE c.component_id IN (${list})`,
      values,
    );
    for (const { id, digest, component } of rows) {
      const image = images.get(id);
      if (image) image.componentIds.push(component);
      else images.set(id, { digest, componentIds: [component] });
    }
  }
  return [...images].toSorted(([a], [b]) => a - b).map(([, image]) => image);
}
