import type { Digest } from '../oci/index.ts';
import { bit } from './attributes.ts';
import { deferCandidate, isKept } from './candidates.ts';
import type { Catalog } from './context.ts';
import { requireRepositoryReadable } from './require-readable.ts';
import './tables.ts';

export interface LinkedBlob {
  /** Of the repository that links it now: one that was removed and made anew has another. */
  repositoryId: number;
  key: string;
  /** Bytes. */
  size: number;
}

/** One row by its primary key. With a join, PostgreSQL may walk all links of a blob that thousands of repositories have. */
const link = `FROM blob_links l
  WHERE l.repository_id = (SELECT r.id FROM repositories r WHERE r.registry_id = ? AND r.name = ?) AND l.digest = ?`;

const columns = `l."key" AS "key", l.size AS size, l.repository_id AS repository_id,
  (SELECT r.attributes FROM repositories r WHERE r.id = l.repository_id) AS attributes`;

/**
 * A blob as one repository sees it: one row, found by names alone. Same query whether or not it exists elsewhere.
 * REGISTRY_DISALLOWED_OPERATION where the repository must not be read.
 */
export async function findLinkedBlob(
  catalog: Catalog,
  registryId: number,
  name: string,
  digest: Digest,
): Promise<LinkedBlob | undefined> {
  const row = await catalog.db.first<LinkRow>(`SELECT ${columns} ${link}`, [registryId, name, digest]);
  if (row && (row.attributes & bit.readEnabled) !== 0)
    await requireRepositoryReadable(catalog, row.repository_id, name);
  return row && linkedBlobOf(row);
}

interface LinkRow {
  key: string;
  size: number;
  repository_id: number;
  attributes: number;
}

function linkedBlobOf({ key, size, repository_id: repositoryId }: LinkRow): LinkedBlob {
  return { repositoryId, key, size };
}

/**
 * A blob for a client that decides by the answer whether to upload it. Only where the blob waits for collection does
 * this write: its time is pushed out. Undefined also when it was collected meanwhile.
 */
export async function findBlobToKeep(
  catalog: Catalog,
  registryId: number,
  name: string,
  digest: Digest,
): Promise<LinkedBlob | undefined> {
  const { db } = catalog;
  const found = await db.first<LinkRow & { not_before: number | null }>(
    `SELECT ${columns}, (
        SELECT c.not_before FROM gc_candidates c
        WHERE c.repository_id = l.repository_id AND c.kind = 'link' AND c.digest = l.digest
      ) AS not_before ${link}`,
    [registryId, name, digest],
  );
  if (!found) return undefined;
  if ((found.attributes & bit.readEnabled) !== 0) await requireRepositoryReadable(catalog, found.repository_id, name);
  const blob = linkedBlobOf(found);
  if (isKept(catalog, found.not_before)) return blob;
  const kept = await db.write(async (tx) => {
    const row = tx
      .selectFrom('blob_links')
      .select('key')
      .where('repository_id', '=', found.repository_id)
      .where('digest', '=', digest);
    if (!(await db.forShare(row).executeTakeFirst())) return false;
    deferCandidate(tx, { id: found.repository_id }, 'link', digest, catalog.now() + catalog.gcDelayMs);
    return true;
  });
  return kept ? blob : undefined;
}
