import { type ClosedUpload, lockBlob, recordBlob } from '../content/index.ts';
import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { bit, isHeld } from './attributes.ts';
import { addCandidates, anywhere, deferCandidate, dropCandidates } from './candidates.ts';
import type { Catalog, Repository } from './context.ts';
import { keptHolderOf } from './keep-deleted.ts';
import { holderOf } from './references.ts';
import { requireTakingAway, rowOf } from './refuse-locked.ts';
import { ensureRepository, findRepository, type RepositoryRow } from './repositories.ts';
import { withinLimits } from './storage-space.ts';
import './tables.ts';

/**
 * Records a finished upload and links it: the transaction that makes a blob exist. Returns the key that holds it. `bound`: see
 * `ensureRepository`.
 */
export function commitBlob(
  catalog: Catalog,
  tx: Transaction,
  registryId: number,
  name: string,
  blob: ClosedUpload,
  bound?: number,
): Promise<string> {
  return withinLimits(catalog, tx, { registryId, name, bytes: blob.size }, (row) =>
    recordAndLink(catalog, tx, registryId, name, blob, { row, bound }),
  );
}

async function recordAndLink(
  catalog: Catalog,
  tx: Transaction,
  registryId: number,
  name: string,
  blob: ClosedUpload,
  { row, bound }: { row: Promise<RepositoryRow | undefined>; bound: number | undefined },
): Promise<string> {
  // Asked for together; what ensureRepository may write comes once the blob is locked.
  const [found, key] = await Promise.all([row, recordBlob(tx, { ...blob, now: catalog.now() })]);
  const repository = await ensureRepository(catalog, tx, registryId, name, { found, bound });
  await linkBlob(catalog, tx, repository, { ...blob, key });
  return key;
}

/**
 * How many links of a blob a mount looks at that names no source. Those of other registries are among them, and what one
 * registry waits for must not grow with what another one has.
 */
const looksAt = 1000;

/**
 * Mounts a blob that another repository of the registry links: `from`, or any that is found soon where that is undefined, if
 * `mayPull` says yes to it. Whoever names one asks by its name before, so that one without the right waits for no look-up. False when there is nothing to mount: the client then
 * uploads. A miss is a look-up that says nothing about other registries, nor of repositories that may not be pulled from.
 */
export async function mountBlob(
  catalog: Catalog,
  registryId: number,
  name: string,
  digest: Digest,
  from: string | undefined,
  mayPull: (repository: string, id: number) => boolean,
  bound?: number,
): Promise<boolean> {
  const source =
    from === undefined
      ? await findSource(catalog, registryId, digest, mayPull)
      : await findRepository(catalog, registryId, from);
  if (!source || (from !== undefined && !mayPull(from, source.id))) return false;
  return mountFrom(catalog, { ...source, registryId }, registryId, name, digest, bound);
}

/**
 * Links a blob that a repository has, of this registry or another one, without a byte that moves. False where that one does
 * not have it. Whether it may be had from there, the caller knows.
 */
export async function mountFrom(
  catalog: Catalog,
  source: Pick<Repository, 'id' | 'registryId'> & { attributes?: number },
  registryId: number,
  name: string,
  digest: Digest,
  bound?: number,
): Promise<boolean> {
  const { db } = catalog;
  // What must not be pulled is not there to be mounted either.
  const locked = source.attributes ? await rowOf(db, source.id) : undefined;
  if (locked && isHeld(locked, bit.readEnabled, catalog.now())) return false;
  const linked =
    'SELECT digest, size FROM blob_links WHERE digest = ? AND registry_id = ? AND repository_id = ? LIMIT 1';
  const values = [digest, source.registryId, source.id];
  const there = await db.first<{ size: number }>(linked, values);
  if (!there) return false;
  const mount = async (tx: Transaction, row: Promise<RepositoryRow | undefined>) => {
    // Only under the lock is it certain that the source still has it, and that it is the same blob.
    const [found, blob, still] = await Promise.all([row, lockBlob(tx, digest), tx.first(linked, values)]);
    if (!blob || !still) return false;
    const repository = await ensureRepository(catalog, tx, registryId, name, { found, bound });
    await linkBlob(catalog, tx, repository, { digest, ...blob });
    return true;
  };
  const into = { registryId, name, bytes: there.size };
  return db.write((tx) => withinLimits(catalog, tx, into, (row) => mount(tx, row)));
}

/** The first repository with the blob that may be pulled from. Of thousands that may not, it looks at as many. */
async function findSource(
  { db, now }: Catalog,
  registryId: number,
  digest: Digest,
  mayPull: (repository: string, id: number) => boolean,
): Promise<{ id: number; attributes?: number } | undefined> {
  const rows = await db.all<{ id: number; name: string; attributes: number; locked_until: number }>(
    `SELECT r.id AS id, r.name AS name, r.attributes AS attributes, r.locked_until AS locked_until FROM (
        SELECT repository_id FROM blob_links WHERE digest = ? ORDER BY repository_id LIMIT ${looksAt}
      ) AS looked JOIN repositories r ON r.id = looked.repository_id WHERE r.registry_id = ? AND r.listed < 2`,
    [digest, registryId],
  );
  // The one that had it first, whichever way the database came by.
  const found = rows
    .toSorted((one, other) => one.id - other.id)
    .find((row) => !isHeld(row, bit.readEnabled, now()) && mayPull(row.name, row.id));
  return found && { id: found.id };
}

/** Caller holds the blob's row lock. */
async function linkBlob(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  { digest, key, size }: { digest: Digest; size: number; key: string },
): Promise<void> {
  const inserted = await tx.run(
    `INSERT INTO blob_links (registry_id, repository_id, digest, "key", size, created_at) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (repository_id, digest) DO NOTHING`,
    [repository.registryId, repository.id, digest, key, size, catalog.now()],
  );
  if (inserted > 0) return addCandidates(catalog, tx, repository, 'link', [digest]);
  // A link that names another object than the blob's does not survive a push, whatever damaged it.
  tx.send('UPDATE blob_links SET "key" = ?, size = ? WHERE repository_id = ? AND digest = ? AND "key" <> ?', [
    key,
    size,
    repository.id,
    digest,
    key,
  ]);
  deferCandidate(tx, repository, 'link', digest, catalog.now() + catalog.gcDelayMs);
}

/**
 * Takes a blob out of a repository; its bytes go when no other repository links it. BLOB_UNKNOWN when missing, DENIED
 * (409) while a manifest here names it, or a deleted one that is kept: deleting it would break an image that was
 * acknowledged, or can be restored.
 * REGISTRY_DISALLOWED_OPERATION where the repository is locked.
 */
export async function deleteBlob(catalog: Catalog, repository: Repository, digest: Digest): Promise<void> {
  const { db } = catalog;
  await db.write(async (tx) => {
    await requireTakingAway(catalog, tx, repository);
    const link = tx
      .selectFrom('blob_links')
      .select('digest')
      .where('repository_id', '=', repository.id)
      .where('digest', '=', digest);
    if (!(await db.forUpdate(link).executeTakeFirst())) throw new RegistryError('BLOB_UNKNOWN', { detail: { digest } });
    const holder = await holderOf(tx, repository.id, digest);
    if (holder !== undefined) {
      throw new RegistryError('DENIED', {
        status: 409,
        message: 'a manifest of this repository still references the blob; delete that manifest first',
        detail: { digest, manifest: holder },
      });
    }
    const kept = await keptHolderOf(tx, repository.id, digest);
    if (kept !== undefined) {
      throw new RegistryError('DENIED', {
        status: 409,
        message:
          'a deleted manifest that is kept for being restored needs the blob; purge that first, or wait until it is',
        detail: { digest, manifest: kept },
      });
    }
    await removeLink(tx, repository.id, digest);
    dropCandidates(tx, repository, 'link', [digest]);
    addCandidates(catalog, tx, repository, 'repository', ['']);
    // Without a link nobody sees the blob; its bytes are left to the collector, which locks the blob first.
    addCandidates(catalog, tx, anywhere, 'blob', [digest]);
  });
}

/** Caller holds the link's row. */
export async function removeLink(tx: Transaction, repositoryId: number, digest: string): Promise<void> {
  await tx.deleteFrom('blob_links').where('repository_id', '=', repositoryId).where('digest', '=', digest).execute();
}
