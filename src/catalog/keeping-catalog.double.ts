import { expect } from 'bun:test';
import { type Digest, mediaTypes } from '../oci/index.ts';
import { checkCatalog } from './check.ts';
import { deleteManifest } from './delete-manifest.ts';
import { describeDeleted } from './describe-deleted.ts';
import { purgeDeleted } from './purge-deleted.ts';
import { day, type Description, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

const tables = ['deleted_manifests', 'deleted_references', 'deleted_tags'] as const;

/** A catalog whose registries keep what is deleted for ten days. */
export async function openKeeping(
  options: Parameters<typeof openTestCatalog>[0] = {},
): Promise<TestCatalog & { policy: { enabled: boolean; retentionMs: number } }> {
  const policy = { enabled: true, retentionMs: 10 * day };
  const catalog = await openTestCatalog({ ...options, softDelete: () => policy, by: { id: 'user:1', name: 'alice' } });
  return Object.assign(catalog, { policy });
}

/** A whole list. */
export const whole = { order: 'name', last: '', limit: 100 } as const;

/** What is kept of a repository. */
export async function keptDigests({ registryId, ...catalog }: TestCatalog, name = 'app'): Promise<Digest[]> {
  return (await describeDeleted(catalog, registryId, name, whole)).map(({ digest }) => digest);
}

export const indexOf = (manifests: Description[]) => ({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });

/** Deletes a manifest. */
export async function remove(catalog: TestCatalog, digest: Digest, name = 'app'): Promise<void> {
  await deleteManifest(catalog, await catalog.repository(name), digest);
}

/** Rows of each table of what is kept. */
export async function rows({ db }: TestCatalog): Promise<Record<string, number>> {
  const counts = tables.map(async (table) => {
    const row = await db.first<{ n: number }>(`SELECT count(*) AS n FROM ${table}`, []);
    return [table, row!.n];
  });
  return Object.fromEntries(await Promise.all(counts));
}

/** Purges whatever is due; returns how much that was. */
export async function purgeAll(catalog: TestCatalog): Promise<number> {
  let total = 0;
  for (let round = { from: 0, more: true, manifests: 0 }; round.more; total += round.manifests)
    round = await purgeDeleted(catalog, round.from);
  return total;
}

export const isSound = async (catalog: TestCatalog) =>
  expect(await Array.fromAsync(checkCatalog(catalog, { repair: false }))).toEqual([]);
