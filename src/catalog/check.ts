import { blobsAfter, findBlob, type Finding } from '../content/index.ts';
import type { Digest } from '../oci/index.ts';
import { addCandidates, anywhere } from './candidates.ts';
import { checkManifests } from './check-manifests.ts';
import { finding, pagesOf } from './check-pages.ts';
import type { Catalog } from './context.ts';
import { deleteTag } from './tags.ts';
import './tables.ts';

export interface CatalogCheckOptions {
  repair: boolean;
}

const page = 500;

/**
 * Compares the facts of a catalog with each other and with the rows of blobs; `checkContent` comes before and compares
 * those with the bytes. Repairing needs the server stopped. Reads in pages: memory does not grow with what is stored.
 */
export async function* checkCatalog(catalog: Catalog, options: CatalogCheckOptions): AsyncGenerator<Finding> {
  yield* checkLinks(catalog, options);
  yield* checkManifests(catalog, options);
  yield* checkTags(catalog, options);
  yield* checkForgotten(catalog, options);
}

interface LinkRow {
  registry_id: number;
  repository_id: number;
  registry: string;
  repository: string;
  digest: Digest;
  key: string;
  size: number;
}

/** Every link leads to a blob. One that does not is removed, so that the next push of the content mends its images. */
async function* checkLinks(catalog: Catalog, { repair }: CatalogCheckOptions): AsyncGenerator<Finding> {
  const statement = `SELECT l.registry_id AS registry_id, l.repository_id AS repository_id, r.name AS repository, g.name AS registry,
      l.digest AS digest, l."key" AS "key", l.size AS size FROM blob_links l JOIN repositories r ON r.id = l.repository_id
      JOIN registries g ON g.id = r.registry_id
    WHERE (l.repository_id, l.digest) > (?, ?) ORDER BY l.repository_id, l.digest LIMIT ${page}`;
  for await (const row of pagesOf<LinkRow>(catalog, statement, [0, ''], (last) => [last.repository_id, last.digest])) {
    const { repository_id: id, digest, registry, repository } = row;
    const blob = await findBlob(catalog.db, digest);
    const rows = { repository_id: id, digest };
    if (!blob) {
      if (repair) {
        await catalog.db.write(async (tx) => {
          await tx.deleteFrom('blob_links').where('repository_id', '=', id).where('digest', '=', digest).execute();
          addCandidates(catalog, tx, { id, registryId: row.registry_id }, 'repository', ['']);
        });
      }
      yield finding(
        'link-without-blob',
        'a repository lists a blob that is not stored',
        { registry, repository, digest },
        repair,
      );
    } else if (blob.key !== row.key || blob.size !== row.size) {
      if (repair) {
        const { key, size } = blob;
        await catalog.db.write((tx) =>
          tx
            .updateTable('blob_links')
            .set({ key, size })
            .where((eb) => eb.and(rows))
            .execute(),
        );
      }
      yield finding(
        'link-stale',
        'a repository reads a blob under another key or size',
        { registry, repository, digest },
        repair,
      );
    }
  }
}

interface TagRow {
  registry_id: number;
  repository_id: number;
  registry: string;
  repository: string;
  name: string;
  digest: string;
}

async function* checkTags(catalog: Catalog, { repair }: CatalogCheckOptions): AsyncGenerator<Finding> {
  const statement = `SELECT t.registry_id AS registry_id, t.repository_id AS repository_id, r.name AS repository, g.name AS registry,
      t.name AS name, t.digest AS digest FROM tags t JOIN repositories r ON r.id = t.repository_id
      JOIN registries g ON g.id = r.registry_id
    WHERE (t.repository_id, t.name) > (?, ?)
      AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = t.repository_id AND m.digest = t.digest)
    ORDER BY t.repository_id, t.name LIMIT ${page}`;
  for await (const row of pagesOf<TagRow>(catalog, statement, [0, ''], (last) => [last.repository_id, last.name])) {
    const { registry, repository, name, digest } = row;
    const of = { id: row.repository_id, registryId: row.registry_id, name: repository };
    if (repair) await deleteTag(catalog, of, name);
    yield finding(
      'tag-dangling',
      'a tag points to a manifest that is not stored',
      { registry, repository, tag: name, digest },
      repair,
    );
  }
}

/** What nothing references and nobody looks at: it would stay for ever. It becomes a candidate, with the full delay. */
async function* checkForgotten(catalog: Catalog, { repair }: CatalogCheckOptions): AsyncGenerator<Finding> {
  const statement = `SELECT l.registry_id AS registry_id, l.repository_id AS repository_id, r.name AS repository, g.name AS registry,
      l.digest AS digest, l."key" AS "key", l.size AS size FROM blob_links l JOIN repositories r ON r.id = l.repository_id
      JOIN registries g ON g.id = r.registry_id
    WHERE (l.repository_id, l.digest) > (?, ?)
      AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest)
      AND NOT EXISTS (SELECT 1 FROM gc_candidates c
        WHERE c.repository_id = l.repository_id AND c.kind = 'link' AND c.digest = l.digest)
    ORDER BY l.repository_id, l.digest LIMIT ${page}`;
  for await (const row of pagesOf<LinkRow>(catalog, statement, [0, ''], (last) => [last.repository_id, last.digest])) {
    const { registry, repository, digest } = row;
    const scope = { id: row.repository_id, registryId: row.registry_id };
    if (repair) await catalog.db.write(async (tx) => addCandidates(catalog, tx, scope, 'link', [digest]));
    yield finding(
      'link-forgotten',
      'a blob that nothing references would never be collected',
      { registry, repository, digest },
      repair,
    );
  }
  for (let after = 0; ;) {
    const rows = await blobsAfter(catalog.db, after, page);
    for (const { digest, deleting } of rows) {
      if (deleting || (await isKnown(catalog, digest))) continue;
      if (repair) await catalog.db.write(async (tx) => addCandidates(catalog, tx, anywhere, 'blob', [digest]));
      yield finding('blob-forgotten', 'a blob that no repository lists would never be collected', { digest }, repair);
    }
    if (rows.length < page) return;
    after = rows.at(-1)!.id;
  }
}

/** Whether a repository lists a blob, or the collector will look at it. */
async function isKnown({ db }: Catalog, digest: string): Promise<boolean> {
  const found = await db.first(
    `SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM blob_links WHERE digest = ?)
      OR EXISTS (SELECT 1 FROM gc_candidates WHERE repository_id = 0 AND kind = 'blob' AND digest = ?)`,
    [digest, digest],
  );
  return found !== undefined;
}
