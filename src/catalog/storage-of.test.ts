import { expect, test } from 'bun:test';
import { testDialect } from '../../test/support/database.ts';
import { mediaTypes } from '../oci/index.ts';
import { foldStorage } from './fold-storage.ts';
import { largestRepositories } from './largest-repositories.ts';
import { manifestStorage, repositoryStorage, tagStorage } from './storage-of.ts';
import { deleteRepository } from './delete-repository.ts';
import { openTestCatalog } from './test-catalog.double.ts';
import { bytesOf } from './usage.ts';

test('bytes of a manifest are unique that would go with it, and shared that others need', async () => {
  await using catalog = await openTestCatalog();
  const config = await catalog.blob('a', '{}');
  const [base, own, elsewhere] = await Promise.all(
    ['base'.repeat(10), 'own'.repeat(10), 'elsewhere'.repeat(10)].map((content) => catalog.blob('a', content)),
  );
  await catalog.blob('b', 'elsewhere'.repeat(10));
  const first = await catalog.push('a', catalog.image([config, base!, own!, elsewhere!]), { tags: ['v1'] });
  const second = await catalog.push('a', catalog.image([config, base!]), { tags: ['v2', 'latest'] });
  const repository = await catalog.repository('a');
  expect(await manifestStorage(catalog, repository, first.digest)).toEqual({
    uniqueBytes: first.size + 30,
    sharedBytes: 2 + 40 + 90,
  });
  expect(await manifestStorage(catalog, repository, second.digest)).toEqual({
    uniqueBytes: second.size,
    sharedBytes: 2 + 40,
  });
  expect(await tagStorage(catalog, repository, { name: 'v1', digest: first.digest })).toEqual({
    uniqueBytes: first.size + 30,
    sharedBytes: 2 + 40 + 90,
  });
  // The other tag keeps all of it.
  expect(await tagStorage(catalog, repository, { name: 'v2', digest: second.digest })).toEqual({
    uniqueBytes: 0,
    sharedBytes: second.size + 2 + 40,
  });
  // What an index lists stays when it goes.
  const json = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [first, second] };
  const index = await catalog.push('a', json);
  expect(await manifestStorage(catalog, repository, index.digest)).toEqual({ uniqueBytes: index.size, sharedBytes: 0 });
  expect(await repositoryStorage(catalog, repository)).toEqual({
    uniqueBytes: first.size + second.size + index.size + 2 + 40 + 30,
    sharedBytes: 90,
  });
  expect(await manifestStorage(catalog, await catalog.repository('b'), first.digest)).toBeUndefined();
});

test('a layer that is stored elsewhere has no bytes here', async () => {
  await using catalog = await openTestCatalog();
  const config = await catalog.blob('a', '{}');
  const foreign = { ...config, size: 1000, digest: `sha256:${'f'.repeat(64)}` as const };
  const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar';
  const image = await catalog.push('a', catalog.image([config, { ...foreign, mediaType }]));
  expect(await manifestStorage(catalog, await catalog.repository('a'), image.digest)).toEqual({
    uniqueBytes: image.size + 2,
    sharedBytes: 0,
  });
});

test('the largest repositories come first, and no deleted ones', async () => {
  await using catalog = await openTestCatalog();
  const other = await catalog.registry('other');
  await other.blob('huge', 'x'.repeat(5000));
  for (let n = 0; n < 40; n++) await catalog.blob(`r${n}`, 'x'.repeat(100 + ((n * 7) % 40)));
  const { digest } = await catalog.push('gone', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] });
  expect(digest).toBeString();
  if (testDialect() === 'postgres') await foldStorage(catalog);
  await catalog.blob('r0', 'more');
  const most = await largestRepositories(catalog, catalog.registryId, 3);
  expect(most.map((size) => bytesOf(size))).toEqual([139, 138, 137]);
  await deleteRepository(catalog, await catalog.repository(most[0]!.name));
  const left = await largestRepositories(catalog, catalog.registryId, 100);
  expect(left).toHaveLength(40);
  expect(left[0]!.name).toBe(most[1]!.name);
});
