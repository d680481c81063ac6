import type { Digest } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import { deleteMetadata, putMetadata } from './custom-metadata.ts';
import {
  annotationsAmong,
  blobBytesAmong,
  configsAmong,
  manifestRows,
  manifestRowsOf,
  metadataAmong,
  tagsAmong,
} from './search-manifests.ts';
import { findVisibleRepository, readVisibleRepositories } from './visible-repositories.ts';

/** Everything that a search asks of a repository. */
export async function exerciseSearch(catalog: Catalog, repository: Repository, digests: Digest[]): Promise<void> {
  const { registryId, name } = repository;
  const of = { kind: 'manifest', name: digests[0]! } as const;
  await putMetadata(catalog, repository, of, 'key', { value: 'x', mediaType: 'text/plain' });
  for (const order of ['name', 'newest', 'oldest'] as const) {
    await manifestRows(catalog, repository, { order, last: '', limit: 500 });
    await manifestRows(catalog, repository, { order, last: digests[0]!, at: 1, limit: 500 });
  }
  // Statements have a text for each length of their lists.
  for (const some of [digests.slice(0, 1), digests, Array.from({ length: 50 }, (_, n) => digests[n % 2]!)]) {
    const rows = await manifestRowsOf(catalog, repository, some);
    await tagsAmong(catalog, repository, some);
    await annotationsAmong(catalog, repository, some, 1000);
    await blobBytesAmong(catalog, repository, some);
    await configsAmong(catalog, repository, some);
    const having = rows.find(({ digest }) => digest === digests[0])!;
    await metadataAmong(
      catalog,
      repository,
      some.map(() => having),
    );
  }
  await deleteMetadata(catalog, repository, of, 'key');
  for (const seesAll of [true, false]) {
    const viewer = { seesAll, maySee: () => true };
    await readVisibleRepositories(catalog, registryId, viewer, { last: 'r1', limit: 10 });
    await findVisibleRepository(catalog, registryId, viewer, name);
  }
}
