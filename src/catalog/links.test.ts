import { describe, expect, test } from 'bun:test';
import { findBlob } from '../content/index.ts';
import { digestOf } from '../oci/index.ts';
import { collectStep } from './collect.ts';
import { findBlobToKeep, findLinkedBlob } from './find-blob.ts';
import { commitBlob, deleteBlob, mountBlob } from './links.ts';
import { linkEverywhere, openTestCatalog, refusal } from './test-catalog.double.ts';

describe('a blob', () => {
  test('lesson 27: is seen only through a repository that links it', async () => {
    await using catalog = await openTestCatalog();
    const { digest, size } = await catalog.blob('a', 'layer');
    expect(await findLinkedBlob(catalog, catalog.registryId, 'a', digest)).toMatchObject({ size });
    expect(await findLinkedBlob(catalog, catalog.registryId, 'b', digest)).toBeUndefined();
    expect(await findBlobToKeep(catalog, catalog.registryId, 'b', digest)).toBeUndefined();
    expect(await catalog.count('repositories')).toBe(1);
  });

  test('is stored once however many repositories and registries link it', async () => {
    await using catalog = await openTestCatalog();
    const other = await catalog.registry('other');
    const { digest } = await catalog.blob('a', 'layer');
    await catalog.blob('b', 'layer');
    await other.blob('a', 'layer');
    // The other copies are on their way out.
    expect(await catalog.db.all('SELECT 1 FROM blobs WHERE deleting = 0', [])).toHaveLength(1);
    expect(await catalog.count('blob_links')).toBe(3);
    const keys = await Promise.all([
      findLinkedBlob(catalog, catalog.registryId, 'a', digest),
      findLinkedBlob(catalog, other.registryId, 'a', digest),
    ]);
    expect(keys[0]).toMatchObject({ key: keys[1]!.key, size: keys[1]!.size });
  });

  test('pushed again under another key keeps the object that it has', async () => {
    await using catalog = await openTestCatalog();
    const { digest, size } = await catalog.blob('a', 'layer');
    const before = await findLinkedBlob(catalog, catalog.registryId, 'a', digest);
    const again = { digest, size, key: 'another' };
    expect(await catalog.db.write((tx) => commitBlob(catalog, tx, catalog.registryId, 'a', again))).toBe(before!.key);
    expect(await findLinkedBlob(catalog, catalog.registryId, 'a', digest)).toEqual(before);
  });

  test('a push mends a link that names another object than its blob', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    const before = await findLinkedBlob(catalog, catalog.registryId, 'a', digest);
    await catalog.db.write((tx) => tx.updateTable('blob_links').set({ key: 'gone', size: 1 }).execute());
    await catalog.blob('a', 'layer');
    expect(await findLinkedBlob(catalog, catalog.registryId, 'a', digest)).toEqual(before);
  });

  test('a failed push leaves no empty repository behind', async () => {
    await using catalog = await openTestCatalog();
    const blob = { digest: digestOf('x'), size: 1, key: 'x' };
    const failing = catalog.db.write(async (tx) => {
      await commitBlob(catalog, tx, catalog.registryId, 'a', blob);
      throw new Error('crash');
    });
    expect(await refusal(failing)).toMatchObject({ message: 'crash' });
    expect(await catalog.count('repositories')).toBe(0);
    expect(await catalog.count('blobs')).toBe(0);
  });
});

describe('mounting', () => {
  test('lesson 28: links what the source has, and nothing else', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    const { registryId } = catalog;
    expect(await mountBlob(catalog, registryId, 'b', digestOf('never pushed'), 'a', () => true)).toBe(false);
    expect(await mountBlob(catalog, registryId, 'b', digest, 'missing', () => true)).toBe(false);
    expect(await catalog.hasBlob('b', digest)).toBe(false);
    expect(await mountBlob(catalog, registryId, 'b', digest, 'a', () => true)).toBe(true);
    const [mounted, source] = await Promise.all([
      findLinkedBlob(catalog, registryId, 'b', digest),
      findLinkedBlob(catalog, registryId, 'a', digest),
    ]);
    expect(mounted).toMatchObject({ key: source!.key, size: source!.size });
  });

  test('lesson 29: without a source, any repository of the registry will do, none of another registry', async () => {
    await using catalog = await openTestCatalog();
    const other = await catalog.registry('other');
    const { digest } = await catalog.blob('a', 'layer');
    for (const from of [undefined, 'a'])
      expect(await mountBlob(other, other.registryId, 'b', digest, from, () => true)).toBe(false);
    expect(await catalog.count('repositories')).toBe(1);
    expect(await mountBlob(catalog, catalog.registryId, 'b', digest, undefined, () => true)).toBe(true);
    expect(await catalog.hasBlob('b', digest)).toBe(true);
  });

  test('without a source, looks at some links of a blob and not at all that other registries have', async () => {
    await using catalog = await openTestCatalog();
    const other = await catalog.registry('other');
    const { digest } = await catalog.blob('a', 'layer');
    const mount = (name: string) => mountBlob(other, other.registryId, name, digest, undefined, () => true);
    await linkEverywhere(catalog, digest, 900);
    await other.blob('own', 'layer');
    expect(await mount('b')).toBe(true);
    for (const name of ['own', 'b']) await deleteBlob(other, await other.repository(name), digest);
    await linkEverywhere(catalog, digest, 200);
    await other.blob('late', 'layer');
    expect(await mount('c')).toBe(false);
    expect(await mountBlob(other, other.registryId, 'c', digest, 'late', () => true)).toBe(true);
  });

  test('from itself is the same as asking for it', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    expect(await mountBlob(catalog, catalog.registryId, 'a', digest, 'a', () => true)).toBe(true);
    expect(await catalog.count('blob_links')).toBe(1);
  });
});

describe('deleting a blob', () => {
  test('lesson 31: removes only the link, and the bytes with the last one', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    await catalog.blob('b', 'layer');
    await deleteBlob(catalog, await catalog.repository('a'), digest);
    await collectStep(catalog);
    expect(await catalog.hasBlob('a', digest)).toBe(false);
    expect(await catalog.hasBlob('b', digest)).toBe(true);
    expect(await findBlob(catalog.db, digest)).toBeDefined();
    await deleteBlob(catalog, await catalog.repository('b'), digest);
    expect(await collectStep(catalog)).toMatchObject({ blobs: 1, bytes: 5 });
    expect(await findBlob(catalog.db, digest)).toBeUndefined();
  });

  test('that is missing is BLOB_UNKNOWN, that a manifest names is DENIED with its digest', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const repository = await catalog.repository('a');
    const missing = await refusal(deleteBlob(catalog, repository, digestOf('x')));
    expect(missing).toMatchObject({ code: 'BLOB_UNKNOWN', status: 404, detail: { digest: digestOf('x') } });
    const manifest = await catalog.push('a', catalog.image([config]));
    const held = await refusal(deleteBlob(catalog, repository, config.digest));
    expect(held).toMatchObject({ code: 'DENIED', status: 409, detail: { manifest: manifest.digest } });
    expect(await catalog.hasBlob('a', config.digest)).toBe(true);
  });

  test('and pushing it again at once brings it back', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    await deleteBlob(catalog, await catalog.repository('a'), digest);
    await catalog.blob('a', 'layer');
    await collectStep(catalog);
    expect(await catalog.hasBlob('a', digest)).toBe(true);
    expect(await findBlob(catalog.db, digest)).toBeDefined();
  });
});
