import type { Catalog, Repository } from './context.ts';
import { type Deletions, deleteManifests } from './delete-manifests.ts';
import { retireRepository } from './retire-repository.ts';

/**
 * Deletes a repository with all manifests and tags, each manifest in transactions of its own. It is gone at once; blobs
 * that only it has are collected as ever. What is pushed meanwhile is in another repository of that name. NAME_UNKNOWN where
 * somebody else was faster. A failure leaves the rest to the background.
 */
export async function deleteRepository(catalog: Catalog, repository: Repository, told?: Deletions): Promise<void> {
  await catalog.db.write((tx) => retireRepository(catalog, tx, repository));
  for (let last: string | undefined = ''; last !== undefined;)
    last = await deleteManifests(catalog, repository, last, told);
}
