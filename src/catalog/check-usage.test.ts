import { expect, test } from 'bun:test';
import type { Transaction } from '../database/index.ts';
import { checkUsage } from './check-usage.ts';
import { addUsage, nothingStored } from './usage.ts';
import { expectCounted } from './recount.double.ts';
import { openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

async function openSome(): Promise<TestCatalog> {
  const catalog = await openTestCatalog();
  const other = await catalog.registry('other');
  for (const [of, name] of [
    [catalog, 'a'],
    [catalog, 'b'],
    [other, 'a'],
  ] as const) {
    const blobs = [await of.blob(name, '{}'), await of.blob(name, `layer of ${name}`)];
    await of.push(name, of.image(blobs), { tags: ['v1'] });
  }
  return catalog;
}

const check = async (catalog: TestCatalog, repair: boolean) =>
  (await Array.fromAsync(checkUsage(catalog, { repair }))).map(
    ({ code, repaired }) => `${code}${repaired ? ' mended' : ''}`,
  );

const damages: [what: string, hurt: (tx: Transaction, catalog: TestCatalog) => unknown, findings: string[]][] = [
  [
    'a repository counts too much',
    async (tx, catalog) => {
      const { id: repositoryId, registryId } = await catalog.repository('b');
      addUsage(catalog, tx, { registryId, repositoryId }, { ...nothingStored, blobs: 1, blobBytes: 100 });
    },
    ['storage-miscounted'],
  ],
  [
    'a registry counts too little',
    (tx, catalog) =>
      addUsage(
        catalog,
        tx,
        { registryId: catalog.registryId, repositoryId: 0 },
        { ...nothingStored, manifestBytes: -9 },
      ),
    ['storage-miscounted'],
  ],
  [
    'a repository that is empty counts something',
    (tx) =>
      tx.run(
        `INSERT INTO storage_usage (registry_id, repository_id, blobs, blob_bytes, own_bytes, manifests, manifest_bytes)
          VALUES (1, 4711, 1, 5, 5, 0, 0)`,
        [],
      ),
    ['storage-miscounted'],
  ],
  [
    'nobody knows how many repositories have a blob',
    (tx) => tx.run('DELETE FROM registry_blobs', []),
    // Two layers and the config; and in the other registry.
    [...Array(5).fill('links-miscounted'), ...Array(5).fill('storage-miscounted')],
  ],
  [
    'a blob that nobody links counts',
    (tx) =>
      tx.run(
        `INSERT INTO registry_blobs (digest, registry_id, size, links, repositories) VALUES ('sha256:x', 1, 5, 1, 1)`,
        [],
      ),
    ['links-miscounted', 'storage-miscounted'],
  ],
];

for (const [what, hurt, findings] of damages) {
  test(`finds and mends it where ${what}`, async () => {
    await using catalog = await openSome();
    expect(await check(catalog, false)).toEqual([]);
    const repository = await catalog.repository('b');
    await catalog.db.write(async (tx) => void (await hurt(tx, { ...catalog, repository: async () => repository })));
    expect((await check(catalog, false)).toSorted()).toEqual(findings);
    const mended = await check(catalog, true);
    expect(mended.length).toBeGreaterThan(0);
    expect(mended.every((finding) => finding.endsWith(' mended'))).toBe(true);
    expect(await check(catalog, false)).toEqual([]);
    await expectCounted(catalog.db);
  });
}

test('a repair counts what the server has not counted yet', async () => {
  await using catalog = await openSome();
  await catalog.db.write(async (tx) => {
    tx.send('DELETE FROM storage_usage', []);
    if (catalog.db.dialect === 'postgres') tx.send('DELETE FROM storage_deltas', []);
    tx.send('DELETE FROM registry_blobs', []);
    tx.send(`UPDATE storage_count SET repository_id = 0, digest = ''`, []);
  });
  expect(await check(catalog, false)).toEqual([]);
  expect(await check(catalog, true)).toEqual([]);
  await expectCounted(catalog.db);
});

test('many repositories with blobs that they share are read in pages', async () => {
  await using catalog = await openTestCatalog();
  for (let n = 0; n < 700; n++) await catalog.blob(`r${n % 7}`, `blob ${n % 90}`);
  for (let n = 0; n < 520; n++) await catalog.blob(`many/${n}`, 'base');
  expect(await check(catalog, false)).toEqual([]);
  await catalog.db.write((tx) => tx.run('UPDATE registry_blobs SET links = links + 1', []));
  expect(await check(catalog, true)).not.toEqual([]);
  expect(await check(catalog, false)).toEqual([]);
  await expectCounted(catalog.db);
});
