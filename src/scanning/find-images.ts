import { componentsWith, findComponents, type FoundComponent } from '../advisories/index.ts';
import type { Catalog } from '../catalog/index.ts';
import { type Database, listsOf } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import type { FindImagesInput } from './contract.ts';
import { packagesByEngines, scansByEngines } from './engines/engine-findings.ts';
import { placeImages } from './place-images.ts';
import './tables.ts';

/** Components of an image that an answer names. */
const mostNamed = 20;
/** Images of other registries that are passed over for one answer, in rounds of `top`. */
const mostRounds = 20;

type NamedComponent = Pick<FoundComponent, 'ecosystem' | 'name' | 'version'>;

export interface FoundImage {
  repository: string;
  digest: Digest;
  tags: string[];
  components: NamedComponent[];
}

/**
 * Images of a registry that have a component, or a vulnerability, by advisories of this server or by what engines say, in the
 * order in which they were first seen. One that is in several repositories is found in each.
 */
export async function findImages(
  catalog: Catalog,
  registryId: number,
  { component, vulnerability, after = 0, top }: FindImagesInput,
): Promise<{ next?: number; images: FoundImage[] }> {
  const { db } = catalog;
  const components = await componentsAsked(db, component, vulnerability);
  const said = vulnerability === undefined ? undefined : { vulnerability, component };
  const images: FoundImage[] = [];
  let last = after;
  for (let round = 0; round < mostRounds; round++) {
    const [own, others] = await Promise.all([
      scansWith(db, [...components.keys()], last, top),
      said ? scansByEngines(db, said.vulnerability, last, top) : ([] as number[]),
    ]);
    const chosen = firstOf([...own, ...others], top);
    const besides = chosen.filter((id) => others.includes(id));
    const named = await Promise.all([
      componentsAmong(db, components, chosen),
      said ? packagesByEngines(db, said, besides) : new Map<number, NamedComponent[]>(),
    ]);
    images.push(...(await placed(catalog, registryId, await holdersOf(db, chosen, named))));
    if (chosen.length < top) return { images };
    last = chosen.at(-1)!;
    if (images.length > 0) break;
  }
  return { next: last, images };
}

const firstOf = (ids: readonly number[], limit: number): number[] =>
  [...new Set(ids)].toSorted((a, b) => a - b).slice(0, limit);

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
  components: NamedComponent[];
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
  return firstOf([...next], limit);
}

/** Which of the components each of these scans has. */
async function componentsAmong(
  db: Database,
  asked: ReadonlyMap<number, FoundComponent>,
  chosen: readonly number[],
): Promise<Map<number, NamedComponent[]>> {
  const found = new Map<number, NamedComponent[]>(chosen.map((id) => [id, []]));
  for (const components of listsOf([...asked.keys()])) {
    for (const { list, values } of listsOf(chosen)) {
      const rows = await db.all<{ id: number; component: number }>(
        `SELECT scan_id AS id, component_id AS component FROM image_components
          WHERE component_id IN (${components.list}) AND scan_id IN (${list})`,
        [...components.values, ...values],
      );
      for (const { id, component } of rows) found.get(id)!.push(asked.get(component)!);
    }
  }
  return found;
}

/** The images of these scans that have anything of what was found. */
async function holdersOf(
  db: Database,
  chosen: readonly number[],
  found: readonly ReadonlyMap<number, NamedComponent[]>[],
): Promise<Holder[]> {
  const digests = listsOf(chosen).map(({ list, values }) =>
    db.all<{ id: number; digest: Digest }>(`SELECT id, digest FROM scans WHERE id IN (${list})`, values),
  );
  return (await Promise.all(digests))
    .flat()
    .map((scan) => ({ ...scan, components: found.flatMap((components) => components.get(scan.id) ?? []) }))
    .filter(({ components }) => components.length > 0)
    .toSorted((a, b) => a.id - b.id);
}

async function placed(catalog: Catalog, registryId: number, holders: readonly Holder[]): Promise<FoundImage[]> {
  const found = await placeImages(catalog, registryId, holders);
  return found.map(({ of: { components }, ...image }) => {
    const named = components.slice(0, mostNamed);
    return { ...image, components: named.map(({ ecosystem, name, version }) => ({ ecosystem, name, version })) };
  });
}
