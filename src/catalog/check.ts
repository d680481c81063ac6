import { blobsAfter, findBlobs, type Finding } from '../content/index.ts';
import { listsOf } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { addCandidates, anywhere } from './candidates.ts';
import { checkAttributes } from './check-attributes.ts';
import { checkDeleted } from './check-deleted.ts';
import { checkManifests } from './check-manifests.ts';
import { finding, pagesOf, rowsOfPages } from './check-pages.ts';
import { checkUsage } from './check-usage.ts';
import type { Catalog } from './context.ts';
import { removeLink } from './links.ts';
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
  yield* checkAttributes(catalog, options);
  yield* checkDeleted(catalog, options);
  yield* checkForgotten(catalog, options);
  yield* checkUsage(catalog, options);
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
  const place = (last: LinkRow) => [last.repository_id, last.digest];
  for await (const links of pagesOf<LinkRow>(catalog, statement, [0, ''], place)) {
    const digests = links.map(({ digest }) => digest);
    const blobs = await findBlobs(catalog.db, [...new Set(digests)]);
    for (const link of links) yield* checkLink(catalog, link, blobs.get(link.digest), repair);
  }
}

async function* checkLink(
  catalog: Catalog,
  { registry_id, repository_id: id, registry, repository, digest, key, size }: LinkRow,
  blob: { key: string; size: number } | undefined,
  repair: boolean,
): AsyncGenerator<Finding> {
  const detail = { registry, repository, digest };
  if (!blob) {
    if (repair) {
      await catalog.db.write(async (tx) => {
        await removeLink(tx, id, digest);
        addCandidates(catalog, tx, { id, registryId: registry_id }, 'repository', ['']);
      });
    }
    yield finding('link-without-blob', 'a repository lists a blob that is not stored', detail, repair);
  } else if (blob.key !== key || blob.size !== size) {
    if (repair) {
      const text = 'UPDATE blob_links SET "key" = ?, size = ? WHERE repository_id = ? AND digest = ?';
      await catalog.db.write((tx) => tx.run(text, [blob.key, blob.size, id, digest]));
    }
    yield finding('link-stale', 'a repository reads a blob under another key or size', detail, repair);
  }
}

interface TagRow {
  registry_id: number;
  repository_id: number;
  registry: string;
  repository: string;
  name: string;
  digest: string;
  sound: number | null;
}

async function* checkTags(catalog: Catalog, { repair }: CatalogCheckOptions): AsyncGenerator<Finding> {
  // The question is a column: as a condition, one statement could go through everything before it has a page. With a
  // limit, PostgreSQL asks it row by row rather than reading all manifests first.
  const statement = `SELECT t.registry_id AS registry_id, t.repository_id AS repository_id, r.name AS repository, g.name AS registry,
      t.name AS name, t.digest AS digest,
      (SELECT 1 FROM manifests m WHERE m.repository_id = t.repository_id AND m.digest = t.digest LIMIT 1) AS sound
    FROM tags t JOIN repositories r ON r.id = t.repository_id JOIN registries g ON g.id = r.registry_id
    WHERE (t.repository_id, t.name) > (?, ?) ORDER BY t.repository_id, t.name LIMIT ${page}`;
  for await (const row of rowsOfPages<TagRow>(catalog, statement, [0, ''], (last) => [last.repository_id, last.name])) {
    if (row.sound) continue;
    const { registry, repository, name, digest } = row;
    const of = { id: row.repository_id, registryId: row.registry_id, name: repository };
    if (repair) await deleteTag(catalog, of, name, { evenLocked: true });
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
      l.digest AS digest,
      COALESCE(
        (SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest LIMIT 1),
        (SELECT 1 FROM deleted_references d WHERE d.repository_id = l.repository_id AND d.digest = l.digest LIMIT 1),
        (SELECT 1 FROM gc_candidates c
          WHERE c.repository_id = l.repository_id AND c.kind = 'link' AND c.digest = l.digest LIMIT 1)) AS known
    FROM blob_links l JOIN repositories r ON r.id = l.repository_id JOIN registries g ON g.id = r.registry_id
    WHERE (l.repository_id, l.digest) > (?, ?) ORDER BY l.repository_id, l.digest LIMIT ${page}`;
  const place = (last: LinkRow) => [last.repository_id, last.digest];
  for await (const row of rowsOfPages<LinkRow & { known: number | null }>(catalog, statement, [0, ''], place)) {
    if (row.known) continue;
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
    const digests = rows.filter(({ deleting }) => !deleting).map(({ digest }) => digest);
    const known = await knownBlobs(catalog, digests);
    for (const digest of digests) {
      if (known.has(digest)) continue;
      if (repair) await catalog.db.write(async (tx) => addCandidates(catalog, tx, anywhere, 'blob', [digest]));
      yield finding('blob-forgotten', 'a blob that no repository lists would never be collected', { digest }, repair);
    }
    if (rows.length < page) return;
    after = rows.at(-1)!.id;
  }
}

/** Blobs that a repository lists, or that the collector will look at. */
async function knownBlobs({ db }: Catalog, digests: readonly string[]): Promise<Set<string>> {
  const known = new Set<string>();
  for (const { list, values } of listsOf(digests)) {
    for (const text of [
      `SELECT DISTINCT digest FROM blob_links WHERE digest IN (${list})`,
      `SELECT digest FROM gc_candidates WHERE repository_id = 0 AND kind = 'blob' AND digest IN (${list})`,
    ]) {
      for (const { digest } of await db.all<{ digest: string }>(text, values)) known.add(digest);
    }
  }
  return known;
}
