import type { Finding } from '../content/index.ts';
import {
  type Digest,
  digestAlgorithm,
  digestOf,
  distinctReferences,
  type ManifestReference,
  parseManifest,
} from '../oci/index.ts';
import { finding, pagesOf } from './check-pages.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

interface ManifestRow {
  registry_id: number;
  repository_id: number;
  registry: string;
  repository: string;
  digest: Digest;
  media_type: string;
  bytes: Uint8Array;
}

/** Manifests can have 4 MiB each, so that few are read at once. */
const page = 20;

/** Every manifest hashes to its digest, its references are what its bytes say, and what it needs is there. */
export async function* checkManifests(catalog: Catalog, { repair }: { repair: boolean }): AsyncGenerator<Finding> {
  const statement = `SELECT m.registry_id AS registry_id, m.repository_id AS repository_id, r.name AS repository, g.name AS registry,
      m.digest AS digest, m.media_type AS media_type, m.bytes AS bytes
    FROM manifests m JOIN repositories r ON r.id = m.repository_id JOIN registries g ON g.id = r.registry_id
    WHERE (m.repository_id, m.digest) > (?, ?) ORDER BY m.repository_id, m.digest LIMIT ${page}`;
  const place = (last: ManifestRow) => [last.repository_id, last.digest];
  for await (const row of pagesOf<ManifestRow>(catalog, statement, [0, ''], place, page)) {
    const { registry, repository, digest } = row;
    if (digestOf(row.bytes, digestAlgorithm(digest)) !== digest) {
      // Nothing here can bring the bytes back; a push of the same manifest does.
      yield finding(
        'manifest-damaged',
        'a manifest does not hash to its digest; push it again',
        { registry, repository, digest },
        false,
      );
      continue;
    }
    const references = distinctReferences(parseManifest(row.bytes, row.media_type));
    if (!(await hasRows(catalog, row, references))) {
      if (repair) await rewriteRows(catalog, row, references);
      yield finding(
        'references-differ',
        'what a manifest is recorded to need is not what it says',
        { registry, repository, digest },
        repair,
      );
    }
    const missing = catalog.sparseIndexes ? undefined : await firstMissing(catalog, row);
    if (missing === undefined) continue;
    const detail = { registry, repository, digest, missing };
    yield finding('manifest-incomplete', 'a manifest needs content that is not stored; push that again', detail, false);
  }
  yield* checkOrphans(catalog, repair);
}

async function hasRows(
  { db }: Catalog,
  { repository_id, digest }: ManifestRow,
  references: readonly ManifestReference[],
): Promise<boolean> {
  const rows = await db.all<{ digest: string; role: string; required: number }>(
    'SELECT digest, role, required FROM manifest_references WHERE repository_id = ? AND manifest_digest = ?',
    [repository_id, digest],
  );
  const recorded = new Map(rows.map((row) => [row.digest, `${row.role} ${row.required}`]));
  return (
    rows.length === references.length &&
    references.every(({ digest: target, role, required }) => recorded.get(target) === `${role} ${required ? 1 : 0}`)
  );
}

function rewriteRows({ db }: Catalog, row: ManifestRow, references: readonly ManifestReference[]): Promise<void> {
  return db.write(async (tx) => {
    const { registry_id, repository_id, digest: manifest_digest } = row;
    await tx
      .deleteFrom('manifest_references')
      .where('repository_id', '=', repository_id)
      .where('manifest_digest', '=', manifest_digest)
      .execute();
    for (const { digest, role, required, size, mediaType } of references) {
      const values = { registry_id, repository_id, manifest_digest, digest, role, required: required ? 1 : 0, size };
      await tx
        .insertInto('manifest_references')
        .values({ ...values, media_type: mediaType })
        .execute();
    }
  });
}

async function firstMissing({ db }: Catalog, { repository_id, digest }: ManifestRow): Promise<string | undefined> {
  const row = await db.first<{ digest: string }>(
    `SELECT f.digest AS digest FROM manifest_references f
      WHERE f.repository_id = ? AND f.manifest_digest = ? AND f.required = 1
        AND NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.repository_id = f.repository_id AND l.digest = f.digest)
        AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = f.repository_id AND m.digest = f.digest)
      ORDER BY f.digest LIMIT 1`,
    [repository_id, digest],
  );
  return row?.digest;
}

/** References of manifests that are gone hold blobs for ever. */
async function* checkOrphans(catalog: Catalog, repair: boolean): AsyncGenerator<Finding> {
  const statement = `SELECT DISTINCT f.repository_id AS repository_id, f.manifest_digest AS digest
    FROM manifest_references f WHERE (f.repository_id, f.manifest_digest) > (?, ?)
      AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = f.repository_id AND m.digest = f.manifest_digest)
    ORDER BY f.repository_id, f.manifest_digest LIMIT ${page}`;
  const place = (last: { repository_id: number; digest: string }) => [last.repository_id, last.digest];
  for await (const row of pagesOf(catalog, statement, [0, ''], place, page)) {
    const { repository_id, digest } = row;
    if (repair) {
      await catalog.db.write((tx) =>
        tx
          .deleteFrom('manifest_references')
          .where('repository_id', '=', repository_id)
          .where('manifest_digest', '=', digest)
          .execute(),
      );
    }
    yield finding(
      'references-orphaned',
      'references of a manifest that is not stored hold content',
      { digest },
      repair,
    );
  }
}
