import type { Transaction } from '../database/index.ts';
import type { Catalog, Repository } from './context.ts';
import './tables.ts';

/** The registry of a name, made if it is new. Names are the configuration's. */
export async function ensureRegistry({ db, now }: Catalog, name: string): Promise<number> {
  const found = await db.first<{ id: number }>('SELECT id FROM registries WHERE name = ?', [name]);
  if (found) return found.id;
  return db.write(async (tx) => {
    await tx
      .insertInto('registries')
      .values({ name, created_at: now() })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .execute();
    const row = await tx.selectFrom('registries').select('id').where('name', '=', name).executeTakeFirstOrThrow();
    return row.id;
  });
}

export async function findRepository({ db }: Catalog, registryId: number, name: string): Promise<Repository | undefined> {
  const row = await db.first<{ id: number }>('SELECT id FROM repositories WHERE registry_id = ? AND name = ?', [
    registryId,
    name,
  ]);
  return row && { id: row.id, registryId, name };
}

/**
 * The repository of a valid name, made by the transaction that first puts something into it: a push that fails leaves
 * no empty repository behind. It is listed once it holds a manifest.
 */
export async function ensureRepository(
  { now }: Catalog,
  tx: Transaction,
  registryId: number,
  name: string,
): Promise<Repository> {
  const existing = await tx
    .selectFrom('repositories')
    .select('id')
    .where('registry_id', '=', registryId)
    .where('name', '=', name)
    .executeTakeFirst();
  if (existing) return { id: existing.id, registryId, name };
  await tx
    .insertInto('repositories')
    .values({ registry_id: registryId, name, generation: 1, created_at: now() })
    .onConflict((conflict) => conflict.columns(['registry_id', 'name']).doNothing())
    .execute();
  const row = await tx
    .selectFrom('repositories')
    .select('id')
    .where('registry_id', '=', registryId)
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return { id: row.id, registryId, name };
}

/** Names of repositories that hold a manifest, after `last`, in byte order. */
export async function listRepositories(
  { db }: Catalog,
  registryId: number,
  last: string,
  limit: number,
): Promise<string[]> {
  const rows = await db.all<{ name: string }>(
    `SELECT name FROM repositories r WHERE registry_id = ? AND name > ?
      AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = r.id) ORDER BY name LIMIT ?`,
    [registryId, last, limit],
  );
  return rows.map((row) => row.name);
}
