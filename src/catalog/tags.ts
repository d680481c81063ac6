import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { appendEvent } from '../events/index.ts';
import type { Catalog, Repository } from './context.ts';
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
    [repository.id, last, limit],
  );
  return rows.map((row) => row.name);
}

/** Points a tag to a digest, or removes it (null), with its history and event. A move to where it is changes nothing. */
export async function moveTag(
  { db, now }: Catalog,
  tx: Transaction,
  repository: Repository,
  name: string,
  digest: string | null,
): Promise<void> {
  const at = now();
  const scope = { registry_id: repository.registryId, repository_id: repository.id };
  const row = tx
    .selectFrom('tags')
    .select('digest')
    .where('repository_id', '=', repository.id)
    .where('name', '=', name);
  const before = await db.forUpdate(row).executeTakeFirst();
  if ((before?.digest ?? null) === digest) return;
  if (digest === null) {
    await tx.deleteFrom('tags').where('repository_id', '=', repository.id).where('name', '=', name).execute();
  } else {
    await tx
      .insertInto('tags')
      .values({ ...scope, name, digest, created_at: at, updated_at: at })
      .onConflict((conflict) => conflict.columns(['repository_id', 'name']).doUpdateSet({ digest, updated_at: at }))
      .execute();
  }
  await tx.insertInto('tag_history').values({ ...scope, tag: name, digest, at }).execute();
  await appendEvent(tx, {
    registryId: repository.registryId,
    type: digest === null ? 'tag.deleted' : 'tag.moved',
    data: { repository: repository.name, tag: name, digest, previous: before?.digest ?? null },
    at,
  });
}

/** Removes a tag and leaves its manifest (distribution-spec "Deleting tags"). MANIFEST_UNKNOWN when missing. */
export async function deleteTag(catalog: Catalog, repository: Repository, name: string): Promise<void> {
  const { db } = catalog;
  await db.write(async (tx) => {
    const row = tx
      .selectFrom('tags')
      .select('digest')
      .where('repository_id', '=', repository.id)
      .where('name', '=', name);
    if (!(await db.forUpdate(row).executeTakeFirst())) {
      throw new RegistryError('MANIFEST_UNKNOWN', { message: 'tag unknown to this repository', detail: { tag: name } });
    }
    await moveTag(catalog, tx, repository, name, null);
  });
}
