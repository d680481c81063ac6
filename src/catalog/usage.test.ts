import { describe, expect, test } from 'bun:test';
import { testDialect } from '../../test/support/database.ts';
import { recordBlob } from '../content/index.ts';
import { digestOf, mediaTypes } from '../oci/index.ts';
import { deleteManifest } from './delete-manifest.ts';
import { deleteRepository } from './delete-repository.ts';
import { foldStorage } from './fold-storage.ts';
import { dropMissingBlob } from './heal.ts';
import { commitBlob, deleteBlob } from './links.ts';
import { expectCounted } from './recount.double.ts';
import { collectRetired, retireRegistry } from './registries.ts';
import { emptyRetired } from './retire-repository.ts';
import { collectAfter, day, linkEverywhere, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';
import { bytesOf, registryUsage, repositoryUsage } from './usage.ts';

/** Until all of it is summed up: transactions of other databases of the server may hold that up. */
async function foldAll(catalog: TestCatalog): Promise<void> {
  for (const end = performance.now() + 45_000; ; await Bun.sleep(20)) {
    for (let round = { from: 0, more: true }; round.more;) round = await foldStorage(catalog, round.from);
    if ((await catalog.db.all('SELECT xid FROM storage_deltas LIMIT 1', [])).length === 0) return;
    if (performance.now() > end) throw new Error('it is not summed up');
  }
}

test('a blob counts once in its registry, and once in each repository that has it', async () => {
  await using catalog = await openTestCatalog();
  const other = await catalog.registry('other');
  const config = await catalog.blob('a', '{}');
  const layer = await catalog.blob('a', 'layer');
  await catalog.blob('b', 'layer');
  await other.blob('a', 'layer');
  const image = await catalog.push('a', catalog.image([config, layer]), { tags: ['v1'] });
  expect(await registryUsage(catalog, catalog.registryId)).toEqual({
    blobs: 2,
    blobBytes: 7,
    ownBytes: 0,
    manifests: 1,
    manifestBytes: image.size,
  });
  expect(await repositoryUsage(catalog, await catalog.repository('a'))).toMatchObject({ blobBytes: 7, ownBytes: 2 });
  expect(await repositoryUsage(catalog, await catalog.repository('b'))).toMatchObject({ blobBytes: 5, ownBytes: 0 });
  expect(bytesOf(await registryUsage(catalog, other.registryId))).toBe(5);
  await deleteBlob(catalog, await catalog.repository('b'), layer.digest);
  expect(await repositoryUsage(catalog, await catalog.repository('a'))).toMatchObject({ blobBytes: 7, ownBytes: 7 });
  await expectCounted(catalog.db);
});

describe('what is removed by other ways than one by one is counted, too', () => {
  test('deleted repositories and registries count until they are emptied', async () => {
    await using catalog = await openTestCatalog();
    for (const name of ['a', 'b']) {
      const blobs = [await catalog.blob(name, '{}'), await catalog.blob(name, name)];
      await catalog.push(name, catalog.image(blobs), { tags: ['v1'] });
    }
    const before = await registryUsage(catalog, catalog.registryId);
    await catalog.db.write((tx) => retireRegistry(tx, 'nobody'));
    const gone = await catalog.repository('a');
    await deleteRepository(catalog, gone);
    await expectCounted(catalog.db);
    expect(await registryUsage(catalog, catalog.registryId)).toMatchObject({ blobBytes: before.blobBytes });
    await catalog.db.write((tx) => retireRegistry(tx, 'default'));
    for (let days = 0; days < 5; days++) {
      while (await emptyRetired(catalog));
      while (await collectRetired(catalog));
      await collectAfter(catalog, day);
      await expectCounted(catalog.db);
    }
    while (await collectRetired(catalog));
    const deltas = testDialect() === 'postgres' ? ['storage_deltas'] : [];
    for (const table of ['storage_usage', 'registry_blobs', ...deltas])
      expect(await catalog.db.all(`SELECT * FROM ${table}`, [])).toEqual([]);
  });

  test('a blob whose bytes are missing, and that thousands of repositories have', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    await linkEverywhere(catalog, digest, 1200);
    await expectCounted(catalog.db);
    const row = await catalog.db.first<{ key: string }>('SELECT "key" FROM blobs', []);
    expect(await dropMissingBlob(catalog, digest, row!.key)).toBe(1201);
    await expectCounted(catalog.db);
    expect(bytesOf(await registryUsage(catalog, catalog.registryId))).toBe(0);
  });

  test('a link with a wrong size, which a push mends', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    await catalog.db.write((tx) => tx.run('UPDATE blob_links SET size = 7, "key" = ?', ['damaged']));
    await expectCounted(catalog.db);
    await catalog.blob('a', 'layer');
    expect(await repositoryUsage(catalog, await catalog.repository('a'))).toMatchObject({ blobBytes: 5, ownBytes: 5 });
    await deleteBlob(catalog, await catalog.repository('a'), digest);
    await expectCounted(catalog.db);
  });
});

if (testDialect() === 'postgres') {
  test('no push waits for another one in the same repository', async () => {
    await using catalog = await openTestCatalog({ poolSize: 8 });
    await catalog.blob('a', 'before');
    const waiting = Promise.withResolvers<void>();
    const held = Array.from({ length: 4 }, (_, n) => {
      const content = `held ${n}`;
      const blob = { digest: digestOf(content), size: content.length, key: content };
      const linked = Promise.withResolvers<void>();
      const done = catalog.db.write(async (tx) => {
        await commitBlob(catalog, tx, catalog.registryId, 'a', blob);
        linked.resolve();
        await waiting.promise;
      });
      return { linked: linked.promise, done };
    });
    await Promise.all(held.map(({ linked }) => linked));
    const config = await catalog.blob('a', '{}');
    const { digest } = await catalog.push('a', catalog.image([config]), { tags: ['v1'] });
    await deleteManifest(catalog, await catalog.repository('a'), digest);
    expect(bytesOf(await registryUsage(catalog, catalog.registryId))).toBe(8);
    waiting.resolve();
    await Promise.all(held.map(({ done }) => done));
    expect(bytesOf(await registryUsage(catalog, catalog.registryId))).toBe(8 + 4 * 6);
    await expectCounted(catalog.db);
  });

  test('many that push, mount and delete the same things at once leave nothing uncounted', async () => {
    await using catalog = await openTestCatalog({ poolSize: 12 });
    const empty = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] };
    await Promise.all(
      Array.from({ length: 12 }, async (_, worker) => {
        for (let round = 0; round < 15; round++) {
          const name = `r${(worker + round) % 3}`;
          const content = `content ${(worker * 7 + round) % 5}`;
          const { digest } = await catalog.blob(name, content);
          await catalog.push(name, { ...empty, annotations: { n: `${worker % 2}` } });
          // Others may have been faster.
          await deleteBlob(catalog, await catalog.repository(name), digest).catch(() => {});
          if (round % 4 === 0) await foldStorage(catalog);
        }
      }),
    );
    await expectCounted(catalog.db);
    await foldAll(catalog);
    await expectCounted(catalog.db);
  });
}

if (testDialect() === 'postgres') {
  test('sums that come with a dump of another server, whose numbers are ahead of ours, are gone on with', async () => {
    await using catalog = await openTestCatalog();
    await catalog.blob('a', '{}');
    await foldAll(catalog);
    await catalog.db.write((tx) => tx.run('UPDATE storage_usage SET folded_to = folded_to + 1000000000', []));
    await catalog.blob('a', 'since');
    expect(bytesOf(await registryUsage(catalog, catalog.registryId))).toBe('{}since'.length);
    await foldAll(catalog);
    await catalog.blob('a', 'and since then');
    await expectCounted(catalog.db);
    expect(bytesOf(await registryUsage(catalog, catalog.registryId))).toBe('{}sinceand since then'.length);
    await foldAll(catalog);
    await expectCounted(catalog.db);
  });
}

test('what a transaction that fails has changed is not counted', async () => {
  await using catalog = await openTestCatalog();
  const undone = new Error('undone');
  const failing = catalog.db.write(async (tx) => {
    const blob = { digest: digestOf('x'), size: 1, key: 'k' };
    await recordBlob(tx, { ...blob, now: 0 });
    await commitBlob(catalog, tx, catalog.registryId, 'a', blob);
    throw undone;
  });
  await expect(failing).rejects.toBe(undone);
  expect(bytesOf(await registryUsage(catalog, catalog.registryId))).toBe(0);
});
