import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import { deleteManifests } from './delete-manifests.ts';
import { purgeSome } from './purge-deleted.ts';
import { findRepository, listRepositories } from './repositories.ts';
import { retired } from './require-registry.ts';
import './tables.ts';

/** The registry of a name, made if it is new. Names are the configuration's, or those of resources. */
export async function ensureRegistry({ db, now }: Catalog, name: string): Promise<number> {
  const found = await db.first<{ id: number }>('SELECT id FROM registries WHERE name = ?', [name]);
  return found?.id ?? db.write((tx) => ensureRegistryRow(tx, name, now()));
}

/** The same in a transaction. */
export async function ensureRegistryRow(tx: Transaction, name: string, now: number): Promise<number> {
  await tx
    .insertInto('registries')
    .values({ name, created_at: now })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const row = await tx.selectFrom('registries').select('id').where('name', '=', name).executeTakeFirstOrThrow();
  return row.id;
}

/** The name of each registry, by its id. */
export async function registryNames({ db }: Catalog): Promise<Map<number, string>> {
  const rows = await db.all<{ id: number; name: string }>('SELECT id, name FROM registries', []);
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/**
 * Takes the name from a registry, so that nobody reaches it any more and another one may have it. What it holds is deleted
 * afterwards, by `collectRetired`.
 */
export async function retireRegistry(tx: Transaction, name: string): Promise<void> {
  await tx.run(`UPDATE registries SET name = '${retired}' || id WHERE name = ?`, [name]);
}

/** Deleted registries that one round looks at. */
const mostRetired = 1000;

/**
 * One round of deleting what retired registries hold: manifests first, then what only they held is collected as ever. The
 * row goes with the last repository. True when there may be more to do at once.
 */
export async function collectRetired(catalog: Catalog): Promise<boolean> {
  const registries = await catalog.db.all<{ id: number }>(
    `SELECT id FROM registries WHERE name >= '${retired}' AND name < '${retired}:' ORDER BY name LIMIT ${mostRetired}`,
    [],
  );
  for (const { id } of registries) if (await collectFrom(catalog, id)) return true;
  return false;
}

/** Whether there was anything to do in one of them. */
async function collectFrom(catalog: Catalog, id: number): Promise<boolean> {
  const { db } = catalog;
  const [name] = await listRepositories(catalog, id, '', 1);
  const repository = name === undefined ? undefined : await findRepository(catalog, id, name);
  if (repository) {
    // A registry goes with all that it holds, whatever is locked there.
    if (repository.attributes !== 0) await db.write((tx) => unlock(tx, repository));
    await deleteManifests({ ...catalog, softDelete: undefined }, repository);
    return true;
  }
  // Nobody can restore anything of it.
  if ((await purgeSome(catalog, id, Number.MAX_SAFE_INTEGER)) > 0) return true;
  // What has blobs alone is collected when their time has come, as anywhere else.
  if (await db.first('SELECT id FROM repositories WHERE registry_id = ? LIMIT 1', [id])) return false;
  await db.write((tx) => tx.run('DELETE FROM registries WHERE id = ?', [id]));
  return true;
}

async function unlock(tx: Transaction, { id }: { id: number }): Promise<void> {
  tx.send('UPDATE repositories SET locked_until = 0 WHERE id = ?', [id]);
  tx.send(`DELETE FROM locks WHERE repository_id = ? AND kind = 'repository'`, [id]);
}
