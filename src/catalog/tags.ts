import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { appendEvent } from '../events/index.ts';
import { addCandidates } from './candidates.ts';
import type { Catalog, Repository } from './context.ts';
import { afterName } from './pages.ts';
import './tables.ts';

/** Tags of a repository after `last`, in byte order. */
export async function listTags(
  { db }: Catalog,
  repository: Repository,
  last: string,
  limit: number,
): Promise<string[]> {
  const rows = await db.all<{ name: string }>(
    'SELECT name FROM tags WHERE repository_id = ? AND name > ? ORDER BY name LIMIT ?',
    [repository.id, afterName(last), limit],
  );
  return rows.map((row) => row.name);
}

/** Whether a tag may be moved or removed, by the digest that it names (undefined: there is no such tag). */
export type TagCondition = (digest: string | undefined) => boolean;

/**
 * Points tags to a digest, with their history and events; the caller holds the manifest's row. The last writer wins,
 * and a move to where a tag is already changes nothing. Returns the digests that the tags left. Throws
 * PRECONDITION_FAILED where `condition` does not hold of a tag.
 */
export async function moveTags(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  names: readonly string[],
  digest: string,
  condition?: TagCondition,
): Promise<string[]> {
  const left: string[] = [];
  for (const name of [...new Set(names)].toSorted()) {
    const previous = await moveTag(catalog, tx, repository, name, digest, condition);
    if (previous !== undefined) left.push(previous);
  }
  return left;
}

async function moveTag(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  name: string,
  digest: string,
  condition: TagCondition | undefined,
): Promise<string | undefined> {
  for (;;) {
    const at = catalog.now();
    const inserted = await tx
      .insertInto('tags')
      .values({
        registry_id: repository.registryId,
        repository_id: repository.id,
        name,
        digest,
        created_at: at,
        updated_at: at,
      })
      .onConflict((conflict) => conflict.columns(['repository_id', 'name']).doNothing())
      .returning('name')
      .executeTakeFirst();
    const previous = inserted ? undefined : await lockTag(catalog, tx, repository, name);
    // Removed between the two statements: then it is a new tag.
    if (!inserted && previous === undefined) continue;
    requireCondition(condition, name, previous);
    if (previous === digest) return undefined;
    if (previous !== undefined) {
      await tx
        .updateTable('tags')
        .set({ digest, updated_at: at })
        .where('repository_id', '=', repository.id)
        .where('name', '=', name)
        .execute();
    }
    await recordMove(catalog, tx, repository, name, digest, previous ?? null);
    return previous;
  }
}

/**
 * Removes a tag and leaves its manifest (distribution-spec "Deleting tags"). MANIFEST_UNKNOWN when missing,
 * PRECONDITION_FAILED where `condition` does not hold.
 */
export async function deleteTag(
  catalog: Catalog,
  repository: Repository,
  name: string,
  condition?: TagCondition,
): Promise<void> {
  await catalog.db.write(async (tx) => {
    const digest = await lockTag(catalog, tx, repository, name);
    if (digest === undefined) {
      throw new RegistryError('MANIFEST_UNKNOWN', { message: 'tag unknown to this repository', detail: { tag: name } });
    }
    requireCondition(condition, name, digest);
    await removeTag(catalog, tx, repository, name, digest);
    await addCandidates(catalog, tx, repository, 'manifest', await referrersAmong(tx, repository, [digest]));
  });
}

function requireCondition(condition: TagCondition | undefined, tag: string, digest: string | undefined): void {
  if (condition && !condition(digest)) throw new RegistryError('PRECONDITION_FAILED', { detail: { tag, digest } });
}

/** Caller holds the tag's row. */
export async function removeTag(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  name: string,
  digest: string,
): Promise<void> {
  await tx.deleteFrom('tags').where('repository_id', '=', repository.id).where('name', '=', name).execute();
  await recordMove(catalog, tx, repository, name, null, digest);
}

async function lockTag(
  { db }: Catalog,
  tx: Transaction,
  repository: Repository,
  name: string,
): Promise<string | undefined> {
  const query = tx
    .selectFrom('tags')
    .select('digest')
    .where('repository_id', '=', repository.id)
    .where('name', '=', name);
  return (await db.forUpdate(query).executeTakeFirst())?.digest;
}

/**
 * Which of these manifests, each of which lost a tag, may be garbage now: those with a subject, because a referrer lives
 * with its subject. Others stay until somebody deletes them. Sorted.
 */
export async function referrersAmong(
  tx: Transaction,
  repository: Repository,
  digests: readonly string[],
): Promise<string[]> {
  if (digests.length === 0) return [];
  const referrers = await tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repository.id)
    .where('digest', 'in', [...digests])
    .where('subject_digest', 'is not', null)
    .orderBy('digest')
    .execute();
  return referrers.map((referrer) => referrer.digest);
}

async function recordMove(
  { now }: Catalog,
  tx: Transaction,
  repository: Repository,
  tag: string,
  digest: string | null,
  previous: string | null,
): Promise<void> {
  const at = now();
  await tx
    .insertInto('tag_history')
    .values({ registry_id: repository.registryId, repository_id: repository.id, tag, digest, at })
    .execute();
  await appendEvent(tx, {
    registryId: repository.registryId,
    type: digest === null ? 'tag.deleted' : 'tag.moved',
    data: { repository: repository.name, tag, digest, previous },
    at,
  });
}
