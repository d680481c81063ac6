import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { addCandidates } from './candidates.ts';
import { retireMs } from './collect-repository.ts';
import type { Catalog, Repository } from './context.ts';
import { deleteManifests } from './delete-manifests.ts';
import { takeRepository } from './hold-repository.ts';
import { requireNothingKept } from './refuse-locked.ts';
import './tables.ts';

/*
 * A repository that is deleted loses its name first, `retired:ID:NAME` from then on, so that nobody finds it, or anything in
 * it, and a push makes another one. What it holds goes afterwards. A push that had read its row before may yet add to it,
 * for as long as a transaction lives (`retireMs`): what came too late, and what a request left that died, is deleted then.
 *
 *   named, listed 1  →  retired, listed 2  →  retired, listed 3, without manifests  →  collected as any that is empty
 *
 * Where deleted manifests are kept, it stays in that last state, with their links, until the last of them is gone.
 */

const mark = 'retired:';

/** The name that a repository has, or had before it was deleted. */
export function nameBefore(name: string): string {
  return name.startsWith(mark) ? name.slice(name.indexOf(':', mark.length) + 1) : name;
}

/**
 * Takes its name from a repository. NAME_UNKNOWN where that is gone already, REGISTRY_DISALLOWED_OPERATION where a lock keeps
 * it or something in it.
 */
export async function retireRepository(catalog: Catalog, tx: Transaction, repository: Repository): Promise<void> {
  const { id, name, registryId } = repository;
  takeRepository(catalog, tx, registryId, name);
  await requireNothingKept(catalog, tx, repository);
  const at = catalog.now();
  const retired = await tx.run(
    'UPDATE repositories SET name = ?, listed = 2, retiring_at = ? WHERE id = ? AND name = ?',
    [`${mark}${id}:${name}`, at, id, name],
  );
  if (retired === 0) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
  addCandidates(catalog, tx, repository, 'repository', ['']);
}

/**
 * One round of emptying what was deleted and has manifests yet. True when there may be more to do at once. What fails goes behind
 * all others, and is tried again as late as it was the first time.
 */
export async function emptyRetired(catalog: Catalog): Promise<boolean> {
  const { db, now } = catalog;
  const row = await db.first<{ id: number; registry_id: number; name: string }>(
    `SELECT id, registry_id, name FROM repositories WHERE listed = 2 AND retiring_at <= ?
      ORDER BY retiring_at, id LIMIT 1`,
    [now() - retireMs],
  );
  if (!row) return false;
  const repository = { id: row.id, registryId: row.registry_id, name: nameBefore(row.name) };
  try {
    if ((await deleteManifests(catalog, repository)) !== undefined) return true;
  } catch (error) {
    await db
      .write((tx) => tx.run('UPDATE repositories SET retiring_at = ? WHERE id = ? AND listed = 2', [now(), row.id]))
      .catch(() => {});
    throw error;
  }
  await db.write(async (tx) => {
    await tx.run('UPDATE repositories SET listed = 3 WHERE id = ?', [row.id]);
    addCandidates(catalog, tx, repository, 'repository', ['']);
  });
  return true;
}
