import { describe, expect, test } from 'bun:test';
import { findBlob } from '../content/index.ts';
import { collectStep } from './collect.ts';
import { findBlobToKeep, findLinkedBlob } from './find-blob.ts';
import { dropMissingBlob, readsObject } from './heal.ts';
import { countingWrites, day, linkEverywhere, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

describe('a blob that was found to be missing', () => {
  test('is forgotten everywhere, so that a push heals what names it', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    await catalog.blob('b', '{}');
    const manifest = await catalog.push('a', catalog.image([config]));
    const { key } = (await findLinkedBlob(catalog, catalog.registryId, 'a', config.digest))!;
    expect(await dropMissingBlob(catalog, config.digest, key)).toBe(2);
    expect(await findBlobToKeep(catalog, catalog.registryId, 'a', config.digest)).toBeUndefined();
    await catalog.blob('a', '{}');
    expect((await findLinkedBlob(catalog, catalog.registryId, 'a', config.digest))!.key).not.toBe(key);
    catalog.clock.now += 3 * day;
    for (let round = 0; round < 3; round++) await collectStep(catalog);
    expect(await catalog.has('a', manifest.digest)).toBe(true);
    expect(await catalog.hasBlob('a', config.digest)).toBe(true);
  });

  test('is left alone when its digest has another object by now', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', 'layer');
    expect(await dropMissingBlob(catalog, digest, 'an older key')).toBe(0);
    expect(await catalog.hasBlob('a', digest)).toBe(true);
    expect(await findBlob(catalog.db, digest)).toBeDefined();
  });

  test('goes in steps, however many repositories have it', async () => {
    await using catalog = await openTestCatalog();
    const { digest, key } = await linkedBy(catalog, 1200);
    const { catalog: counted, writes } = countingWrites(catalog);
    expect(await dropMissingBlob(counted, digest, key)).toBe(1201);
    expect(writes.length).toBeGreaterThan(3);
    for (const statements of writes) expect(statements.length).toBeLessThan(600);
    expect(await catalog.count('blob_links')).toBe(0);
    expect(await findBlob(catalog.db, digest)).toBeUndefined();
    const empty = await catalog.db.all(`SELECT 1 FROM gc_candidates WHERE kind = 'repository'`, []);
    expect(empty).toHaveLength(1201);
  });

  test('that was half forgotten is known for one, and a push in between is no part of it', async () => {
    await using catalog = await openTestCatalog();
    const { digest, key } = await linkedBy(catalog, 700);
    let left = 2;
    const write: TestCatalog['db']['write'] = (action, options) => {
      if (left-- === 0) throw new Error('crash');
      return catalog.db.write(action, options);
    };
    const crash = dropMissingBlob({ ...catalog, db: { ...catalog.db, write } }, digest, key);
    await expect(crash).rejects.toThrow('crash');
    expect(await catalog.count('blob_links')).toBe(201);
    expect(await readsObject(catalog, digest, key)).toBe(true);
    await catalog.blob('a', 'layer');
    expect(await dropMissingBlob(catalog, digest, key)).toBe(201);
    expect(await readsObject(catalog, digest, key)).toBe(false);
    expect(await catalog.count('blob_links')).toBe(1);
    expect((await findLinkedBlob(catalog, catalog.registryId, 'a', digest))!.key).not.toBe(key);
    expect(await findBlob(catalog.db, digest)).toBeDefined();
  });
});

async function linkedBy(catalog: TestCatalog, others: number) {
  const { digest } = await catalog.blob('a', 'layer');
  await linkEverywhere(catalog, digest, others);
  const { key } = (await findLinkedBlob(catalog, catalog.registryId, 'a', digest))!;
  return { digest, key };
}
