import type { Digest } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import { countStorage } from './count-storage.ts';
import { foldStorage } from './fold-storage.ts';
import { largestRepositories } from './largest-repositories.ts';
import { chargeBudget, endBudget, endBudgetOf, takeSlice } from './storage-budgets.ts';
import { levelsOf } from './storage-levels.ts';
import { createStorageLimiter, type StorageLimiter } from './storage-limiter.ts';
import { roomFor } from './storage-limits.ts';
import { manifestStorage, repositoryStorage, tagStorage } from './storage-of.ts';
import { registryUsage } from './usage.ts';
import { everyDigest } from './usage-migration.ts';

/** Limits that are far away. */
export const farLimits = (): StorageLimiter =>
  createStorageLimiter(() => ({ registry: 2 ** 50, repository: () => 2 ** 50 }));

type During = <T>(operation: string, action: () => Promise<T>) => Promise<T>;

/** What concerns how much is stored. */
export async function exerciseStorage(
  catalog: Catalog,
  during: During,
  repository: Repository,
  { digest, tag }: { digest: Digest; tag: string },
): Promise<void> {
  const { registryId, name } = repository;
  await during('look for room', async () => {
    await roomFor(catalog, registryId, name);
    await roomFor(catalog, registryId, name, { digest });
  });
  await during('take from budgets', async () => {
    const levels = levelsOf(catalog, registryId, name);
    for (const isKnown of [false, true]) for (const level of levels) await takeSlice(catalog, level, isKnown);
    await catalog.db.write(async (tx) => {
      for (const level of levels) {
        await chargeBudget(tx, level, 1);
        endBudget(tx, level);
      }
      endBudgetOf(tx, registryId, repository.id);
    });
  });
  await during('show what is stored', async () => {
    await registryUsage(catalog, registryId);
    await repositoryStorage(catalog, repository);
    await manifestStorage(catalog, repository, digest);
    await tagStorage(catalog, repository, { name: tag, digest });
    await largestRepositories(catalog, registryId, 10);
  });
  await during('sum up what is stored', async () => {
    for (let round = { from: 0, more: true }; round.more;) round = await foldStorage(catalog, round.from);
  });
  // As if it had nearly come to an end.
  await catalog.db.write(async (tx) => {
    tx.send(`UPDATE storage_count SET digest = 'sha256:~' WHERE what = 'links'`, []);
    tx.send(`UPDATE storage_count SET repository_id = repository_id - 1 WHERE what = 'manifests'`, []);
  });
  await during('count what is stored', () => countStorage(catalog));
  await catalog.db.write(async (tx) =>
    tx.send(`UPDATE storage_count SET digest = ? WHERE what = 'links'`, [everyDigest]),
  );
}
