import { describe, expect, test } from 'bun:test';
import { findBlob } from '../content/index.ts';
import { deleteManifest } from './delete-manifest.ts';
import { findBlobToKeep } from './find-blob.ts';
import { mountBlob } from './links.ts';
import { collectAfter, day, nothing, openTestCatalog } from './test-catalog.double.ts';

describe('blobs', () => {
  test('lesson 48: one that no manifest names stays for the delay, then goes', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    expect(await collectAfter(catalog, day - 1)).toEqual(nothing);
    expect(await catalog.hasBlob('a', digest)).toBe(true);
    expect(await collectAfter(catalog, 1)).toMatchObject({ links: 1, blobs: 1 });
    expect(await catalog.hasBlob('a', digest)).toBe(false);
    expect(await findBlob(catalog.db, digest)).toBeUndefined();
  });

  test('lesson 48: an upload, a mount and a HEAD each give it the full delay again', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    const keep = [
      () => catalog.blob('a', 'layer'),
      () => mountBlob(catalog, catalog.registryId, 'a', digest, 'a', () => true),
      () => findBlobToKeep(catalog, catalog.registryId, 'a', digest),
    ];
    for (const touch of keep) {
      expect(await collectAfter(catalog, day - 1)).toEqual(nothing);
      await touch();
    }
    expect(await collectAfter(catalog, day - 1)).toEqual(nothing);
    expect(await collectAfter(catalog, 1)).toMatchObject({ links: 1, blobs: 1 });
  });

  test('lesson 48: a HEAD of what a manifest names writes nothing, and keeps it when that manifest is deleted', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const { digest } = await catalog.push('a', catalog.image([config]));
    expect(await catalog.count('gc_candidates')).toBe(0);
    await collectAfter(catalog, 5 * day);
    const { db, ...rest } = catalog;
    const refuse = () => Promise.reject(new Error('it wrote'));
    const readOnly = { ...rest, db: { ...db, write: refuse, change: refuse } };
    expect(await findBlobToKeep(readOnly, catalog.registryId, 'a', config.digest)).toBeDefined();
    await deleteManifest(catalog, await catalog.repository('a'), digest);
    expect(await collectAfter(catalog, day - 1)).toMatchObject({ links: 0 });
    expect(await catalog.hasBlob('a', config.digest)).toBe(true);
    expect(await collectAfter(catalog, 1)).toMatchObject({ links: 1, blobs: 1 });
  });

  test('lesson 48: a HEAD of what is asked for all the time does not write all the time', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    let writes = 0;
    const db: typeof catalog.db = {
      ...catalog.db,
      write(...call) {
        writes++;
        return catalog.db.write(...call);
      },
      change(...call) {
        writes++;
        return catalog.db.change(...call);
      },
    };
    const counted = { ...catalog, db };
    for (let minute = 0; minute < 60; minute++) {
      catalog.clock.now += 10_000;
      await findBlobToKeep(counted, catalog.registryId, 'a', digest);
    }
    expect(writes).toBeWithin(1, 11);
    expect(await collectAfter(catalog, day - 60_001)).toEqual(nothing);
  });

  test('one that a manifest names stays, whatever the queue says', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const json = catalog.image([config]);
    const first = await catalog.push('a', json);
    await catalog.push('a', catalog.image([config], { annotations: { n: '2' } }));
    await deleteManifest(catalog, await catalog.repository('a'), first.digest);
    expect(await collectAfter(catalog, 2 * day)).toEqual(nothing);
    expect(await catalog.hasBlob('a', config.digest)).toBe(true);
    expect(await catalog.count('gc_candidates')).toBe(0);
  });

  test('one that another repository links keeps its bytes', async () => {
    await using catalog = await openTestCatalog();
    const other = await catalog.registry('other');
    const { digest } = await catalog.blob('a', '{}');
    const config = await other.blob('b', '{}');
    await other.push('b', other.image([config]));
    expect(await collectAfter(catalog, 2 * day)).toMatchObject({ links: 1, blobs: 0 });
    expect(await other.hasBlob('b', digest)).toBe(true);
  });

  test('lesson 49: bytes being deleted are invisible, and a push meanwhile has an object of its own', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    const old = await findBlob(catalog.db, digest);
    await collectAfter(catalog, day);
    expect(await mountBlob(catalog, catalog.registryId, 'b', digest, undefined, () => true)).toBe(false);
    await catalog.blob('a', 'layer');
    const fresh = await findBlob(catalog.db, digest);
    expect(fresh!.key).not.toBe(old!.key);
    expect(await catalog.count('blobs')).toBe(2);
  });
});
