import { expect, test } from 'bun:test';
import { deleteTag, listTags } from './tags.ts';
import { mediaTypes } from '../oci/index.ts';
import { collectRetired, ensureRegistry, registryNames, retireRegistry } from './registries.ts';
import { listRepositories } from './repositories.ts';
import {
  collectAfter,
  countingWrites,
  day,
  openTestCatalog,
  refusal,
  type TestCatalog,
} from './test-catalog.double.ts';

const index = (n: number, manifests: object[] = []) => ({
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests,
  annotations: { n: `${n}` },
});

const retire = ({ db }: TestCatalog, name: string) => db.write((tx) => retireRegistry(tx, name));

/** The deepest of its manifests hold each other, so that no order of deleting them one by one would do. */
async function fill(catalog: TestCatalog, name: string, count: number): Promise<void> {
  const image = await catalog.push(name, catalog.image([await catalog.blob(name, '{}')]), { tags: ['image'] });
  await catalog.push(name, index(-1, [image]), { tags: ['index'] });
  for (let n = 0; n < count; n++) await catalog.push(name, index(n), { tags: [`v${n}`] });
}

test('a deleted registry of 1,000 manifests is emptied in small steps, and nothing of it stays', async () => {
  await using catalog = await openTestCatalog();
  const other = await catalog.registry('other');
  await fill(other, 'a', 700);
  await fill(other, 'b/c', 300);
  await fill(catalog, 'a', 3);
  await retire(catalog, 'other');
  expect((await registryNames(catalog)).values().toArray()).not.toContain('other');
  const { catalog: counted, writes } = countingWrites(catalog);
  let rounds = 0;
  while (await collectRetired(counted)) rounds++;
  expect(rounds).toBeGreaterThanOrEqual(10);
  expect(Math.max(...writes.map(({ length }) => length))).toBeLessThan(50);
  expect(await listRepositories(other, other.registryId, '', 10)).toEqual([]);
  // What they held goes as ever, and the registry with the last repository.
  for (let days = 0; days < 4; days++) await collectAfter(catalog, day);
  while (await collectRetired(catalog));
  expect((await registryNames(catalog)).values().toArray()).toEqual(['default']);
  // The other one has lost nothing.
  expect(await listTags(catalog, await catalog.repository('a'), '', 10)).toEqual(['image', 'index', 'v0', 'v1', 'v2']);
  for (const [table, rows] of [
    ['repositories', 1],
    ['manifests', 5],
    ['blob_links', 1],
    ['tags', 5],
  ] as const)
    expect([table, await catalog.count(table)]).toEqual([table, rows]);
});

test('a name that is created again is another registry, which has nothing of the first', async () => {
  await using catalog = await openTestCatalog();
  const first = await catalog.registry('again');
  await fill(first, 'a', 1);
  await retire(catalog, 'again');
  const second = await catalog.registry('again');
  expect(second.registryId).not.toBe(first.registryId);
  expect(await listRepositories(second, second.registryId, '', 10)).toEqual([]);
  await fill(second, 'a', 2);
  while (await collectRetired(catalog));
  expect(await listTags(second, await second.repository('a'), '', 10)).toEqual(['image', 'index', 'v0', 'v1']);
  expect(await ensureRegistry(catalog, 'again')).toBe(second.registryId);
});

test('nothing is pushed to a deleted registry: what would be acknowledged would be collected', async () => {
  await using catalog = await openTestCatalog();
  const other = await catalog.registry('other');
  await fill(other, 'a', 1);
  await retire(catalog, 'other');
  const denied = { code: 'DENIED', status: 403 };
  for (const gone of [false, true]) {
    if (gone) {
      while (await collectRetired(catalog));
      for (let days = 0; days < 4; days++) await collectAfter(catalog, day);
      while (await collectRetired(catalog));
    }
    for (const name of ['a', 'new']) {
      expect(await refusal(other.push(name, index(7), { tags: ['late'] }))).toMatchObject(denied);
      expect(await refusal(other.blob(name, 'late'))).toMatchObject(denied);
    }
  }
  expect(await catalog.count('repositories')).toBe(0);
});

test('one that waits for its blobs keeps no other from being emptied', async () => {
  await using catalog = await openTestCatalog();
  const [blobs, manifests] = [await catalog.registry('blobs'), await catalog.registry('manifests')];
  await blobs.blob('a', 'x');
  await fill(manifests, 'a', 1);
  for (const name of ['blobs', 'manifests']) await retire(catalog, name);
  while (await collectRetired(catalog));
  expect(await catalog.count('manifests')).toBe(0);
});

test('tags that go by hand meanwhile do not stop it', async () => {
  await using catalog = await openTestCatalog();
  const other = await catalog.registry('other');
  await fill(other, 'a', 150);
  const repository = await other.repository('a');
  await retire(catalog, 'other');
  const removing = Array.from({ length: 150 }, (_, n) => deleteTag(other, repository, `v${n}`).catch(() => {}));
  while (await collectRetired(catalog));
  await Promise.all(removing);
  expect(await catalog.count('manifests')).toBe(0);
  expect(await catalog.count('tags')).toBe(0);
});
