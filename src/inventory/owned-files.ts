import type { FoundFile } from './layer-inventory.ts';

/** Of each path that a package owns, by package and path: the layer in which the two came together. */
export type Ownership = ReadonlyMap<string, number>;

/** Paths that are looked at before others may have a turn. */
const atOnce = 10_000;

/**
 * The files that a database of the distribution says its packages have brought. A database that is written anew in every
 * layer still says of each package, by its version, since when it is there: that is what `below` knows.
 */
export function* ownershipOf(file: FoundFile, layer: number, below: Ownership | undefined): Generator<void, Ownership> {
  const owned = new Map<string, number>();
  for (const { by, paths } of file.owns ?? []) {
    for (const path of paths) {
      const key = `${by}\n${path}`;
      owned.set(key, by === '' ? layer : (below?.get(key) ?? layer));
      if (owned.size % atOnce === 0) yield;
    }
  }
  return owned;
}

/**
 * Which files of languages the distribution has brought itself. Its advisories speak of them: it mends a package without
 * raising the version that the file names, so that the advisories of the language would be wrong about it. What was put in
 * the place of such a file in a later layer is nobody's but the image's.
 */
export function* ownedFiles(all: Iterable<Ownership>): Generator<void, (path: string, layer: number) => boolean> {
  const owned = new Map<string, number>();
  let looked = 0;
  for (const ownership of all) {
    for (const [key, layer] of ownership) {
      if (++looked % atOnce === 0) yield;
      const path = key.slice(key.indexOf('\n') + 1);
      owned.set(path, Math.max(owned.get(path) ?? -1, layer));
    }
  }
  return (path, layer) => (owned.get(path) ?? -1) >= layer;
}
