import type { Finding } from '../content/index.ts';
import { type Digest, digestAlgorithm, digestOf } from '../oci/index.ts';
import { addCandidates } from './candidates.ts';
import { finding, pagesOf, rowsOfPages } from './check-pages.ts';
import type { Catalog } from './context.ts';
import { forgetReferences } from './keep-deleted.ts';
import { referencesIn } from './references-in.ts';
import { repositoryOfId } from './relations.ts';
import './tables.ts';

interface KeptRow {
  registry_id: number;
  repository_id: number;
  repository: string;
  digest: Digest;
  media_type: string;
  bytes: Uint8Array;
}

interface OrphanRow {
  repository_id: number;
  digest: string;
  kept: number | null;
}

/** Kept manifests can have 4 MiB each, so that few are read at once. */
const page = 20;
const namesPage = 500;

/** What is kept of deleted manifests hashes to its digest and holds what it names, and nothing else is held. */
export async function* checkDeleted(catalog: Catalog, { repair }: { repair: boolean }): AsyncGenerator<Finding> {
  const statement = `SELECT m.registry_id AS registry_id, m.repository_id AS repository_id, m.repository AS repository,
      m.digest AS digest, m.media_type AS media_type, m.bytes AS bytes FROM deleted_manifests m
    WHERE (m.repository_id, m.digest) > (?, ?) ORDER BY m.repository_id, m.digest LIMIT ${page}`;
  const place = (last: { repository_id: number; digest: string }) => [last.repository_id, last.digest];
  for await (const rows of pagesOf<KeptRow>(catalog, statement, [0, ''], place, page))
    for (const row of rows) yield* checkKept(catalog, row, repair);
  const orphans = `SELECT f.repository_id AS repository_id, f.manifest_digest AS digest,
      (SELECT 1 FROM deleted_manifests m
        WHERE m.repository_id = f.repository_id AND m.digest = f.manifest_digest LIMIT 1) AS kept
    FROM (SELECT DISTINCT repository_id, manifest_digest FROM deleted_references
      WHERE (repository_id, manifest_digest) > (?, ?) ORDER BY repository_id, manifest_digest LIMIT ${namesPage}) f
    ORDER BY f.repository_id, f.manifest_digest`;
  for await (const row of rowsOfPages<OrphanRow>(catalog, orphans, [0, ''], place, namesPage)) {
    if (row.kept) continue;
    const { repository_id: id, digest } = row;
    const repository = repair ? await repositoryOfId(catalog, id) : undefined;
    if (repair) {
      await catalog.db.write(async (tx) => {
        const named = await forgetReferences(tx, id, digest);
        if (repository) addCandidates(catalog, tx, repository, 'link', named);
      });
    }
    yield finding(
      'references-orphaned',
      'references of a deleted manifest that is not kept hold content',
      { digest },
      repair,
    );
  }
}

async function* checkKept(catalog: Catalog, row: KeptRow, repair: boolean): AsyncGenerator<Finding> {
  const { registry_id, repository_id, repository, digest, media_type: mediaType, bytes } = row;
  const detail = { repository, digest };
  if (digestOf(bytes, digestAlgorithm(digest)) !== digest) {
    yield finding('manifest-damaged', 'a deleted manifest that is kept does not hash to its digest', detail, false);
    return;
  }
  const named = referencesIn(bytes, mediaType)?.map((reference) => reference.digest);
  if (!named) {
    const message = 'a deleted manifest that is kept cannot be read as the type that it is recorded to have';
    yield finding('manifest-damaged', message, detail, false);
    return;
  }
  const recorded = await catalog.db.all<{ digest: Digest }>(
    'SELECT digest FROM deleted_references WHERE repository_id = ? AND manifest_digest = ? ORDER BY digest',
    [repository_id, digest],
  );
  if (
    Bun.deepEquals(
      recorded.map((one) => one.digest),
      named.toSorted(),
    )
  )
    return;
  if (repair) {
    await catalog.db.write(async (tx) => {
      await forgetReferences(tx, repository_id, digest);
      for (const reference of named) {
        tx.send(
          'INSERT INTO deleted_references (registry_id, repository_id, manifest_digest, digest) VALUES (?, ?, ?, ?)',
          [registry_id, repository_id, digest, reference],
        );
      }
    });
  }
  yield finding('references-differ', 'what a deleted manifest is recorded to need is not what it says', detail, repair);
}
