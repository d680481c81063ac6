import { type Database, listsOf, type LookUps } from '../database/index.ts';
import type { Digest, ManifestKind } from '../oci/index.ts';
import './tables.ts';

/** A repository that has a manifest. */
export interface Place {
  registryId: number;
  repositoryId: number;
  repository: string;
}

/** What a manifest is, wherever it lies: its digest says all of it. */
export interface StoredContent {
  mediaType: string;
  kind: ManifestKind;
  bytes: Uint8Array<ArrayBuffer>;
}

/** The repositories that have a manifest, of all registries, in the order of their ids; up to `limit` behind one. */
export function placesOf(db: LookUps, digest: Digest, limit: number, after = 0): Promise<Place[]> {
  return db.all<Place>(
    `SELECT r.registry_id AS "registryId", r.id AS "repositoryId", r.name AS repository
      FROM manifests m JOIN repositories r ON r.id = m.repository_id
      WHERE m.digest = ? AND m.repository_id > ? ORDER BY m.repository_id LIMIT ?`,
    [digest, after, limit],
  );
}

/** Where in a registry manifests are, in the order of repositories; up to `limit` places. */
export async function placesAmong(
  db: Database,
  registryId: number,
  digests: readonly Digest[],
  limit: number,
): Promise<(Place & { digest: Digest })[]> {
  const found = listsOf(digests).map(({ list, values }) =>
    db.all<Place & { digest: Digest }>(
      `SELECT m.digest AS digest, r.registry_id AS "registryId", r.id AS "repositoryId", r.name AS repository
        FROM manifests m JOIN repositories r ON r.id = m.repository_id
        WHERE m.digest IN (${list}) AND m.registry_id = ? ORDER BY m.digest, m.repository_id LIMIT ?`,
      [...values, registryId, limit],
    ),
  );
  return (await Promise.all(found)).flat();
}

/** Places that are read at once to know the registries of manifests. */
const placesAtOnce = 500;

/** The registries that have manifests, by their digests; of those that are nowhere there is nothing. */
export async function registriesOf(db: Database, digests: readonly Digest[]): Promise<Map<Digest, Set<number>>> {
  const found = new Map<Digest, Set<number>>();
  const add = (digest: Digest, registryId: number) => {
    const of = found.get(digest);
    if (of) of.add(registryId);
    else found.set(digest, new Set([registryId]));
  };
  for (const { list, values } of listsOf(digests)) {
    const rows = await db.all<{ digest: Digest; registryId: number }>(
      `SELECT digest, registry_id AS "registryId" FROM manifests WHERE digest IN (${list})
        ORDER BY digest, repository_id LIMIT ?`,
      [...values, placesAtOnce],
    );
    for (const { digest, registryId } of rows) add(digest, registryId);
    const last = rows.length < placesAtOnce ? undefined : rows.at(-1)!.digest;
    if (last === undefined) continue;
    // One of them is in very many repositories: it and those behind it are looked at one by one.
    for (const digest of new Set(values.filter((each) => each >= last))) {
      for (let after = 0; ;) {
        const places = await placesOf(db, digest, placesAtOnce, after);
        for (const { registryId } of places) add(digest, registryId);
        if (places.length < placesAtOnce) break;
        after = places.at(-1)!.repositoryId;
      }
    }
  }
  return found;
}

/**
 * A manifest by its digest alone, from whichever repository has it: for what works for the registry itself. Who asks for
 * others goes through `findManifest`.
 */
export function contentOf(db: Database, digest: Digest): Promise<StoredContent | undefined> {
  return db.first<StoredContent>(
    'SELECT media_type AS "mediaType", kind, bytes FROM manifests WHERE digest = ? ORDER BY repository_id LIMIT 1',
    [digest],
  );
}

/** Whether any repository has a manifest. */
export async function hasPlaces(db: LookUps, digest: Digest): Promise<boolean> {
  return (await placesOf(db, digest, 1)).length > 0;
}

/**
 * Digests of images, each once, in their order: of the next `limit` manifests behind one. `last`: where to go on; undefined at
 * the end.
 */
export async function imagesAfter(
  db: Database,
  after: string,
  limit: number,
): Promise<{ digests: Digest[]; last: Digest | undefined }> {
  const rows = await db.all<{ digest: Digest; kind: ManifestKind }>(
    'SELECT digest, kind FROM manifests WHERE digest > ? ORDER BY digest, repository_id LIMIT ?',
    [after, limit],
  );
  const images = rows.filter(({ kind }) => kind === 'image').map(({ digest }) => digest);
  return { digests: [...new Set(images)], last: rows.length < limit ? undefined : rows.at(-1)!.digest };
}
