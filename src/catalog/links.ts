import { type ClosedUpload, lockBlob, recordBlob } from '../content/index.ts';
import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { addCandidates, deferCandidate, dropCandidate } from './candidates.ts';
import type { Catalog, Repository } from './context.ts';
import { ensureRepository } from './repositories.ts';
import './tables.ts';

export interface LinkedBlob {
  key: string;
  /** Bytes. */
  size: number;
}

/** A blob as one repository sees it: one row, found by names alone. Same query whether or not it exists elsewhere. */
export function findLinkedBlob(
  { db }: Catalog,
  registryId: number,
  name: string,
  digest: Digest,
): Promise<LinkedBlob | undefined> {
  return db.first<LinkedBlob>(
    `SELECT l."key" AS "key", l.size AS size FROM repositories r
      JOIN blob_links l ON l.repository_id = r.id AND l.digest = ? WHERE r.registry_id = ? AND r.name = ?`,
    [digest, registryId, name],
  );
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
  const { db, gcDelayMs, now } = catalog;
  const found = await db.first<LinkedBlob & { repository_id: number; not_before: number | null }>(
    `SELECT l."key" AS "key", l.size AS size, l.repository_id AS repository_id, c.not_before AS not_before
      FROM repositories r JOIN blob_links l ON l.repository_id = r.id AND l.digest = ?
      LEFT JOIN gc_candidates c ON c.repository_id = r.id AND c.kind = 'link' AND c.digest = l.digest
      WHERE r.registry_id = ? AND r.name = ?`,
    [digest, registryId, name],
  );
  if (!found) return undefined;
  const slack = Math.min(60_000, gcDelayMs / 10);
  if (found.not_before === null || found.not_before > now() + gcDelayMs - slack) return found;
  const kept = await db.write(async (tx) => {
    const link = tx
      .selectFrom('blob_links')
      .select('key')
      .where('repository_id', '=', found.repository_id)
      .where('digest', '=', digest);
    if (!(await db.forUpdate(link).executeTakeFirst())) return false;
    await deferCandidate(catalog, tx, found.repository_id, digest);
    return true;
  });
  return kept ? found : undefined;
}

/** Records a finished upload and links it: the transaction that makes a blob exist. Returns the key that holds it. */
export async function commitBlob(
  catalog: Catalog,
  tx: Transaction,
  registryId: number,
  name: string,
  blob: ClosedUpload,
): Promise<string> {
  const key = await recordBlob(catalog.db, tx, { ...blob, now: catalog.now() });
  const repository = await ensureRepository(catalog, tx, registryId, name);
  await linkBlob(catalog, tx, repository, { ...blob, key });
  return key;
}

/**
 * Mounts a blob that another repository of the registry links (`from`, or any when undefined). False when there is
 * nothing to mount: the client then uploads.
 */
export function mountBlob(
  catalog: Catalog,
  registryId: number,
  name: string,
  digest: Digest,
  from: string | undefined,
): Promise<boolean> {
  const { db } = catalog;
  return db.write(async (tx) => {
    const blob = await lockBlob(db, tx, digest);
    let source = tx
      .selectFrom('blob_links')
      .innerJoin('repositories', 'repositories.id', 'blob_links.repository_id')
      .select('blob_links.digest')
      .where('blob_links.digest', '=', digest)
      .where('blob_links.registry_id', '=', registryId)
      .limit(1);
    if (from !== undefined) source = source.where('repositories.name', '=', from);
    const found = await source.executeTakeFirst();
    if (!blob || !found) return false;
    const repository = await ensureRepository(catalog, tx, registryId, name);
    await linkBlob(catalog, tx, repository, { digest, ...blob });
    return true;
  });
}

/** Caller holds the blob's row lock. */
async function linkBlob(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  blob: { digest: Digest; size: number; key: string },
): Promise<void> {
  const inserted = await tx
    .insertInto('blob_links')
    .values({
      registry_id: repository.registryId,
      repository_id: repository.id,
      digest: blob.digest,
      key: blob.key,
      size: blob.size,
      created_at: catalog.now(),
    })
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing())
    .returning('digest')
    .executeTakeFirst();
  if (inserted) await addCandidates(catalog, tx, repository, 'link', [blob.digest]);
  else await deferCandidate(catalog, tx, repository.id, blob.digest);
}

/**
 * Takes a blob out of a repository; its bytes go when no other repository links it. A blob that a manifest here still
 * names is refused: deleting it would break an image that was acknowledged.
 */
export async function deleteBlob(catalog: Catalog, repository: Repository, digest: Digest): Promise<void> {
  const { db } = catalog;
  await db.write(async (tx) => {
    const link = tx
      .selectFrom('blob_links')
      .select('digest')
      .where('repository_id', '=', repository.id)
      .where('digest', '=', digest);
    if (!(await db.forUpdate(link).executeTakeFirst())) throw new RegistryError('BLOB_UNKNOWN', { detail: { digest } });
    const holder = await tx
      .selectFrom('manifest_references')
      .select('manifest_digest')
      .where('repository_id', '=', repository.id)
      .where('digest', '=', digest)
      .executeTakeFirst();
    if (holder) {
      throw new RegistryError('DENIED', {
        status: 409,
        message: 'a manifest of this repository still references the blob; delete that manifest first',
        detail: { digest, manifest: holder.manifest_digest },
      });
    }
    await removeLink(tx, repository.id, digest);
    // Without a link nobody sees the blob; its bytes are left to the collector, which locks the blob first.
    await dropCandidate(tx, repository.id, 'link', digest);
    await addCandidates(catalog, tx, repository, 'blob', [digest]);
  });
}

export async function removeLink(tx: Transaction, repositoryId: number, digest: string): Promise<void> {
  await tx.deleteFrom('blob_links').where('repository_id', '=', repositoryId).where('digest', '=', digest).execute();
}
