import type { Finding } from '../content/index.ts';
import { type Digest, digestAlgorithm, digestOf, type ManifestReference } from '../oci/index.ts';
import type { Parameter } from '../database/index.ts';
import { finding, pagesOf, rowsOfPages } from './check-pages.ts';
import type { Catalog } from './context.ts';
import { referencesIn } from './references-in.ts';
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
/** Of manifests without their bytes. */
const namesPage = 500;

/** Every manifest hashes to its digest, its references are what its bytes say, and what it needs is there. */
export async function* checkManifests(catalog: Catalog, { repair }: { repair: boolean }): AsyncGenerator<Finding> {
  const statement = `SELECT m.registry_id AS registry_id, m.repository_id AS repository_id, r.name AS repository, g.name AS registry,
      m.digest AS digest, m.media_type AS media_type, m.bytes AS bytes
    FROM manifests m JOIN repositories r ON r.id = m.repository_id JOIN registries g ON g.id = r.registry_id
    WHERE (m.repository_id, m.digest) > (?, ?) ORDER BY m.repository_id, m.digest LIMIT ${page}`;
  const place = (last: ManifestRow) => [last.repository_id, last.digest];
  for await (const rows of pagesOf<ManifestRow>(catalog, statement, [0, ''], place, page)) {
    const recorded = await recordedOf(catalog, rows);
    // Another one of the page may have been mended since; what is missing is asked for once the page is.
    const sound: ManifestRow[] = [];
    for (const row of rows) {
      const { registry, repository, digest } = row;
      const detail = { registry, repository, digest };
      if (digestOf(row.bytes, digestAlgorithm(digest)) !== digest) {
        // Nothing here can bring the bytes back; a push of the same manifest does.
        yield finding('manifest-damaged', 'a manifest does not hash to its digest; push it again', detail, false);
        continue;
      }
      const references = referencesIn(row.bytes, row.media_type);
      if (!references) {
        const message = 'a manifest cannot be read as the type that it is recorded to have; push it again';
        yield finding('manifest-damaged', message, detail, false);
        continue;
      }
      sound.push(row);
      if (isRecorded(references, recorded.get(nameOf(row.repository_id, digest)) ?? [])) continue;
      if (repair) await rewriteRows(catalog, row, references);
      const message = 'what a manifest is recorded to need is not what it says';
      yield finding('references-differ', message, detail, repair);
    }
    const missing = catalog.sparseIndexes ? new Map<string, string>() : await missingOf(catalog, rows);
    for (const { registry, repository, repository_id, digest } of sound) {
      const lacks = missing.get(nameOf(repository_id, digest));
      if (lacks === undefined) continue;
      const detail = { registry, repository, digest, missing: lacks };
      const message = 'a manifest needs content that is not stored; push that again';
      yield finding('manifest-incomplete', message, detail, false);
    }
  }
  yield* checkOrphans(catalog, repair);
}

const nameOf = (repositoryId: number, digest: string): string => `${repositoryId} ${digest}`;

/** The references of each manifest of a page, found by its key. Between two keys, SQLite would read whole repositories. */
function ofAny(rows: readonly ManifestRow[]): { condition: string; values: Parameter[] } {
  const one = '(f.repository_id = ? AND f.manifest_digest = ?)';
  const padded = Array.from({ length: page }, (_, n) => rows[n] ?? rows[0]!);
  return {
    condition: `(${padded.map(() => one).join(' OR ')})`,
    values: padded.flatMap((row) => [row.repository_id, row.digest]),
  };
}

interface ReferenceRow {
  repository_id: number;
  manifest_digest: string;
  digest: string;
  role: string;
  required: number;
}

/** The references that are recorded for manifests, by their names. */
async function recordedOf({ db }: Catalog, manifests: readonly ManifestRow[]): Promise<Map<string, ReferenceRow[]>> {
  const { condition, values } = ofAny(manifests);
  const recorded = new Map<string, ReferenceRow[]>();
  const text = `SELECT f.repository_id AS repository_id, f.manifest_digest AS manifest_digest, f.digest AS digest,
      f.role AS role, f.required AS required FROM manifest_references f WHERE ${condition}`;
  for (const row of await db.all<ReferenceRow>(text, values)) {
    const name = nameOf(row.repository_id, row.manifest_digest);
    const rows = recorded.get(name);
    if (rows) rows.push(row);
    else recorded.set(name, [row]);
  }
  return recorded;
}

function isRecorded(references: readonly ManifestReference[], rows: readonly ReferenceRow[]): boolean {
  const recorded = new Map(rows.map((row) => [row.digest, `${row.role} ${row.required}`]));
  return (
    rows.length === references.length &&
    references.every(({ digest, role, required }) => recorded.get(digest) === `${role} ${required ? 1 : 0}`)
  );
}

/** The first digest that each of these manifests needs and that is not in its repository, by the manifest's name. */
async function missingOf({ db }: Catalog, manifests: readonly ManifestRow[]): Promise<Map<string, string>> {
  const { condition, values } = ofAny(manifests);
  const rows = await db.all<ReferenceRow>(
    `SELECT f.repository_id AS repository_id, f.manifest_digest AS manifest_digest, f.digest AS digest
      FROM manifest_references f WHERE ${condition} AND f.required = 1
        AND NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.repository_id = f.repository_id AND l.digest = f.digest)
        AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = f.repository_id AND m.digest = f.digest)`,
    values,
  );
  const missing = new Map<string, string>();
  for (const { repository_id, manifest_digest, digest } of rows) {
    const name = nameOf(repository_id, manifest_digest);
    const first = missing.get(name);
    if (first === undefined || digest < first) missing.set(name, digest);
  }
  return missing;
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

interface OrphanRow {
  repository_id: number;
  digest: string;
  stored: number | null;
}

/** References of manifests that are gone hold blobs for ever. */
async function* checkOrphans(catalog: Catalog, repair: boolean): AsyncGenerator<Finding> {
  const statement = `SELECT f.repository_id AS repository_id, f.manifest_digest AS digest,
      (SELECT 1 FROM manifests m
        WHERE m.repository_id = f.repository_id AND m.digest = f.manifest_digest LIMIT 1) AS stored
    FROM (SELECT DISTINCT repository_id, manifest_digest FROM manifest_references
      WHERE (repository_id, manifest_digest) > (?, ?) ORDER BY repository_id, manifest_digest LIMIT ${namesPage}) f
    ORDER BY f.repository_id, f.manifest_digest`;
  const place = (last: OrphanRow) => [last.repository_id, last.digest];
  for await (const row of rowsOfPages<OrphanRow>(catalog, statement, [0, ''], place, namesPage)) {
    if (row.stored) continue;
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
