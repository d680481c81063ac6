import { componentsWith, findComponents, type FoundComponent } from '../advisories/index.ts';
import type { Catalog } from '../catalog/index.ts';
import { type Database, listsOf } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import type { FindImagesInput } from './contract.ts';
import { placeImages } from './place-images.ts';
import './tables.ts';

/** Components of an image that an answer names. */
const mostNamed = 20;
/** Images of other registries that are passed over for one answer, in rounds of `top`. */
const mostRounds = 20;

export interface FoundImage {
  repository: string;
  digest: Digest;
  tags: string[];
  components: { ecosystem: string; name: string; version: string }[];
}

/**
 * Images of a registry that have a component, or a vulnerability, in the order in which they were first seen. One that is in
 * several repositories is found in each.
 */
export async function findImages(
  catalog: Catalog,
  registryId: number,
  { component, vulnerability, after = 0, top }: FindImagesInput,
): Promise<{ next?: number; images: FoundImage[] }> {
  const { db } = catalog;
  const asked = await componentsAsked(db, component, vulnerability);
  const ids = [...asked.keys()];
  const images: FoundImage[] = [];
  let last = after;
  for (let round = 0; round < mostRounds; round++) {
    const chosen = await scansWith(db, ids, last, top);
    images.push(...(await placed(catalog, registryId, await holdersAmong(db, ids, chosen), asked)));
    if (chosen.length < top) return { images };
    last = chosen.at(-1)!;
    if (images.length > 0) break;
  }
  return { next: last, images };
}

async function componentsAsked(
  db: Database,
  component: string | undefined,
  vulnerability: string | undefined,
): Promise<Map<number, FoundComponent>> {
  const lists = await Promise.all([
    component === undefined ? undefined : findComponents(db, component),
    vulnerability === undefined ? undefined : componentsWith(db, vulnerability),
  ]);
  const [first = [], other] = lists.filter((list) => list !== undefined);
  const among = other && new Set(other.map(({ id }) => id));
  return new Map(first.filter(({ id }) => among?.has(id) ?? true).map((one) => [one.id, one]));
}

interface Holder {
  id: number;
  digest: Digest;
  componentIds: number[];
}

/** The next `limit` scans of images that have one of these components. */
async function scansWith(db: Database, ids: readonly number[], after: number, limit: number): Promise<number[]> {
  const next = new Set<number>();
  for (const { list, values } of listsOf(ids)) {
    const rows = await db.all<{ id: number }>(
      `SELECT DISTINCT scan_id AS id FROM image_components WHERE component_id IN (${list}) AND scan_id > ?
        ORDER BY scan_id LIMIT ?`,
      [...values, after, limit],
    );
    for (const { id } of rows) next.add(id);
  }
  return [...next].toSorted((a, b) => a - b).slice(0, limit);
}

/** Which of the components each of these has. */
async function holdersAmong(db: Database, ids: readonly number[], chosen: readonly number[]): Promise<Holder[]> {
  const holders = new Map<number, Holder>();
  for (const { list, values } of listsOf(chosen)) {
    const rows = await db.all<{ id: number; digest: Digest }>(
      `SELECT id, digest FROM scans WHERE id IN (${list})`,
      values,
    );
    for (const { id, digest } of rows) holders.set(id, { id, digest, componentIds: [] });
  }
  for (const components of listsOf(ids)) {
    for (const { list, values } of listsOf(chosen)) {
      const rows = await db.all<{ id: number; component: number }>(
        `SELECT scan_id AS id, component_id AS component FROM image_components
          WHERE component_id IN (${components.list}) AND scan_id IN (${list})`,
        [...components.values, ...values],
      );
      for (const { id, component } of rows) holders.get(id)?.componentIds.push(component);
    }
  }
  return [...holders.values()].toSorted((a, b) => a.id - b.id);
}

async function placed(
  catalog: Catalog,
  registryId: number,
  holders: readonly Holder[],
  components: ReadonlyMap<number, FoundComponent>,
): Promise<FoundImage[]> {
  const found = await placeImages(catalog, registryId, holders);
  return found.map(({ of: { componentIds }, ...image }) => {
    const named = componentIds.slice(0, mostNamed).map((id) => components.get(id)!);
    return { ...image, components: named.map(({ ecosystem, name, version }) => ({ ecosystem, name, version })) };
  });
}
