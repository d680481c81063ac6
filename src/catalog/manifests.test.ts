import { describe, expect, test } from 'bun:test';
import { testDialect } from '../../test/support/database.ts';
import { readEvents, start } from '../events/index.ts';
import { type Digest, digestOf, mediaTypes } from '../oci/index.ts';
import { deleteManifest } from './delete-manifest.ts';
import { findManifest, findManifestFacts } from './find-manifest.ts';
import type { StoredManifest } from './recent-manifests.ts';
import { recording } from './statements.double.ts';
import { deleteTag, listTags } from './tags.ts';
import { countingWrites, openTestCatalog, refusal, type TestCatalog } from './test-catalog.double.ts';

const unpushed = { digest: digestOf('unpushed'), size: 8, mediaType: mediaTypes.ociManifest };

async function events(catalog: TestCatalog): Promise<string[]> {
  return (await readEvents(catalog.db, start, 100)).map(({ type }) => type);
}

const textOf = (manifest: StoredManifest | undefined) => new Response(manifest!.bytes).text();

describe('a manifest', () => {
  test('lesson 32: comes back as it was pushed, byte for byte, by tag and by digest', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const json = catalog.image([config], { annotations: { é: '\ud83d\ude00' } });
    const { digest, size } = await catalog.push('a', json, { tags: ['v1'] });
    for (const reference of [{ digest }, { tag: 'v1' }]) {
      const found = await findManifest(catalog, catalog.registryId, 'a', reference);
      expect(await textOf(found)).toBe(JSON.stringify(json));
      expect(found).toMatchObject({ digest, size, mediaType: mediaTypes.ociManifest });
      expect(await findManifestFacts(catalog, catalog.registryId, 'a', reference)).toEqual({
        repositoryId: (await catalog.repository('a')).id,
        digest,
        size,
        mediaType: mediaTypes.ociManifest,
      });
    }
    expect(await events(catalog)).toEqual(['manifest.pushed', 'tag.moved']);
  });

  test('is seen in its own repository and registry only', async () => {
    await using catalog = await openTestCatalog();
    const other = await catalog.registry('other');
    const config = await catalog.blob('a', '{}');
    await other.blob('a', '{}');
    const { digest } = await catalog.push('a', catalog.image([config]), { tags: ['v1'] });
    expect(await catalog.has('b', digest)).toBe(false);
    expect(await other.has('a', digest)).toBe(false);
    expect(await findManifest(other, other.registryId, 'a', { tag: 'v1' })).toBeUndefined();
    await other.push('a', catalog.image([config]), { tags: ['v1'] });
    await deleteManifest(catalog, await catalog.repository('a'), digest);
    expect(await other.has('a', digest)).toBe(true);
  });

  test('pushed again changes nothing and tells nobody', async () => {
    await using catalog = await openTestCatalog();
    const json = catalog.image([await catalog.blob('a', '{}')]);
    await catalog.push('a', json, { tags: ['v1'] });
    const before = await events(catalog);
    await catalog.push('a', json, { tags: ['v1'] });
    expect(await events(catalog)).toEqual(before);
    expect(await catalog.count('manifest_references')).toBe(1);
  });

  test('lesson 32: has the Content-Type of its last push where its bytes do not say', async () => {
    await using catalog = await openTestCatalog();
    const { mediaType: _, ...bare } = catalog.image([await catalog.blob('a', '{}')]) as { mediaType: string };
    for (const mediaType of [mediaTypes.ociManifest, mediaTypes.dockerManifest]) {
      const { digest } = await catalog.push('a', bare, { mediaType });
      expect(await findManifest(catalog, catalog.registryId, 'a', { digest })).toMatchObject({ mediaType });
    }
    expect(await catalog.count('manifests')).toBe(1);
    expect(await catalog.count('manifest_references')).toBe(1);
  });

  test('lesson 37: of the largest size comes back whole', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const size = JSON.stringify(catalog.image([config], { annotations: { pad: '' } })).length;
    const json = catalog.image([config], { annotations: { pad: 'x'.repeat(4_194_304 - size) } });
    const { digest } = await catalog.push('a', json);
    const found = await findManifest(catalog, catalog.registryId, 'a', { digest });
    const text = await textOf(found);
    expect(digestOf(text)).toBe(digest);
    expect(text).toHaveLength(4_194_304);
  });

  test('a large one that was read before is seen only where it is, and only while it is there', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const json = catalog.image([config], { annotations: { pad: 'x'.repeat(100_000) } });
    const { digest } = await catalog.push('a', json, { tags: ['v1'] });
    const find = (name: string, reference: { digest: Digest } | { tag: string } = { digest }) =>
      findManifest(catalog, catalog.registryId, name, reference);
    for (const reference of [{ digest }, { tag: 'v1' }, { digest }]) {
      expect(digestOf(await textOf(await find('a', reference)))).toBe(digest);
    }
    await catalog.blob('b', '{}');
    expect(await find('b')).toBeUndefined();
    await deleteManifest(catalog, await catalog.repository('a'), digest);
    expect(await find('a')).toBeUndefined();
    await catalog.push('b', json);
    expect(digestOf(await textOf(await find('b')))).toBe(digest);
  });
});

/** Two images to push into a repository, and what the database is asked. */
async function watchTwo(catalog: TestCatalog, name: string) {
  const config = await catalog.blob(name, '{}');
  const [first, second] = [catalog.image([config], { annotations: { n: '1' } }), catalog.image([config])];
  const statements: string[] = [];
  const db = recording(catalog.db, ({ text }) => void statements.push(text));
  return { db, statements, first, second };
}

describe('a manifest that was pulled before', () => {
  test('is what its tag is now, whoever moved it, and read from its row only when that is another', async () => {
    await using catalog = await openTestCatalog();
    // No other test pulls from a repository of this name.
    const { db, statements, first, second } = await watchTwo(catalog, 'moving');
    const pull = () => findManifest({ ...catalog, db }, catalog.registryId, 'moving', { tag: 'v1' });
    for (const [json, reads] of [
      [first, [true]],
      [first, [true]],
      [first, [false]],
      [second, [false, true]],
      [second, [false]],
    ] as const) {
      const { digest } = await catalog.push('moving', json, { tags: ['v1'] });
      statements.length = 0;
      expect(digestOf(await textOf(await pull()))).toBe(digest);
      expect(statements.map((text) => text.includes('m.bytes'))).toEqual([...reads]);
    }
    // Nobody has changed anything since, and on SQLite nobody else could.
    statements.length = 0;
    await pull();
    expect(statements.length).toBe(testDialect() === 'sqlite' ? 0 : 1);
    // A write without anything to do with it: it is looked up again, and then not.
    await catalog.blob('another', '{}');
    await pull();
    await pull();
    expect(statements.length).toBe(testDialect() === 'sqlite' ? 1 : 3);
    await deleteTag(catalog, await catalog.repository('moving'), 'v1');
    expect(await pull()).toBeUndefined();
  });

  test('by its digest is known to those who ask for the tag, as most clients do', async () => {
    await using catalog = await openTestCatalog();
    const { db, statements, first, second } = await watchTwo(catalog, 'headed');
    const head = () => findManifestFacts({ ...catalog, db }, catalog.registryId, 'headed', { tag: 'v1' });
    const joins = () => statements.splice(0).map((text) => text.includes('JOIN manifests'));
    const { digest } = await catalog.push('headed', first, { tags: ['v1'] });
    for (let times = 0; times < 2; times++) await findManifest(catalog, catalog.registryId, 'headed', { digest });
    for (const reads of [[true], [true], [false], testDialect() === 'sqlite' ? [] : [false]]) {
      expect(await head()).toEqual({
        repositoryId: (await catalog.repository('headed')).id,
        digest,
        mediaType: mediaTypes.ociManifest,
        size: expect.any(Number),
      });
      expect(joins()).toEqual(reads);
    }
    const moved = await catalog.push('headed', second, { tags: ['v1'] });
    expect(await head()).toMatchObject({ digest: moved.digest });
    expect(joins()).toEqual([false, true]);
    await deleteTag(catalog, await catalog.repository('headed'), 'v1');
    expect(await head()).toBeUndefined();
  });

  test('is seen only where it is, and only while it is there', async () => {
    await using catalog = await openTestCatalog();
    const other = await catalog.registry('other');
    const json = catalog.image([await catalog.blob('a', '{}')]);
    const { digest } = await catalog.push('a', json, { tags: ['v1'] });
    const references = [{ digest }, { tag: 'v1' }];
    const find = (of: TestCatalog, name: string) =>
      Promise.all(references.map((reference) => findManifest(of, of.registryId, name, reference)));
    for (let times = 0; times < 3; times++) {
      expect((await find(catalog, 'a')).map((found) => found?.digest)).toEqual([digest, digest]);
    }
    await catalog.blob('b', '{}');
    await other.blob('a', '{}');
    expect(await find(catalog, 'b')).toEqual([undefined, undefined]);
    expect(await find(other, 'a')).toEqual([undefined, undefined]);
    await deleteManifest(catalog, await catalog.repository('a'), digest);
    expect(await find(catalog, 'a')).toEqual([undefined, undefined]);
    await catalog.push('a', json);
    expect((await find(catalog, 'a')).map((found) => found?.digest)).toEqual([digest, undefined]);
  });

  test('has the Content-Type of its last push where its bytes do not say', async () => {
    await using catalog = await openTestCatalog();
    const { mediaType: _, ...bare } = catalog.image([await catalog.blob('a', '{}')]) as { mediaType: string };
    for (const mediaType of [mediaTypes.ociManifest, mediaTypes.dockerManifest]) {
      await catalog.push('a', bare, { mediaType, tags: ['v1'] });
      const pull = () => findManifest(catalog, catalog.registryId, 'a', { tag: 'v1' });
      expect([await pull(), await pull(), await pull()]).toMatchObject([{ mediaType }, { mediaType }, { mediaType }]);
    }
  });
});

describe('what a manifest needs', () => {
  test('lesson 36: each missing digest is named, and nothing is kept', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const layers = ['x', 'y', 'x'].map((content) => ({ ...config, digest: digestOf(content), size: 1 }));
    const error = await refusal(catalog.push('a', catalog.image([config, ...layers]), { tags: ['v1'] }));
    const missing = [digestOf('x'), digestOf('y')];
    expect(error).toMatchObject({
      code: 'MANIFEST_BLOB_UNKNOWN',
      status: 404,
      detail: { digest: missing[0], missing },
    });
    expect(await catalog.count('manifests')).toBe(0);
    expect(await catalog.count('tags')).toBe(0);
  });

  test('must be in the same repository', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('b', '{}');
    const error = await refusal(catalog.push('a', catalog.image([config])));
    expect(error).toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN', detail: { digest: config.digest } });
    expect(await catalog.count('repositories')).toBe(1);
  });

  test('must have the size that its descriptor gives', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const wrong = await refusal(catalog.push('a', catalog.image([{ ...config, size: 3 }])));
    const detail = { digest: config.digest, descriptorSize: 3, contentSize: 2 };
    expect(wrong).toMatchObject({ code: 'MANIFEST_INVALID', detail });
    const child = await catalog.push('a', catalog.image([config]));
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [{ ...child, size: 1 }] };
    expect(await refusal(catalog.push('a', index))).toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  test('lesson 35: foreign layers, missing subjects and repeated children are no obstacle', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const foreign = { ...unpushed, mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar' };
    const image = await catalog.push('a', catalog.image([config, foreign], { subject: unpushed }));
    const manifests = [image, image, { ...image, platform: { os: 'linux', architecture: 'arm64' } }];
    const index = await catalog.push('a', {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests,
      subject: unpushed,
    });
    expect(await catalog.has('a', index.digest)).toBe(true);
  });

  test('lesson 35: children and layers must exist unless sparse manifests are allowed', async () => {
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [unpushed] };
    await using catalog = await openTestCatalog();
    expect(await refusal(catalog.push('a', index))).toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' });
    await using sparse = await openTestCatalog({ sparseIndexes: true });
    expect(await sparse.has('a', (await sparse.push('a', index)).digest)).toBe(true);
    const image = sparse.image([unpushed]);
    expect(await sparse.has('a', (await sparse.push('a', image)).digest)).toBe(true);
  });

  test('lesson 35: children that are blobs are looked for among the blobs', async () => {
    await using catalog = await openTestCatalog();
    const layer = await catalog.blob('a', 'layer');
    const cache = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [layer] };
    expect(await catalog.has('a', (await catalog.push('a', cache)).digest)).toBe(true);
    const image = await catalog.push('a', catalog.image([layer]));
    const confused = { ...cache, manifests: [{ ...layer, digest: image.digest, size: image.size }] };
    expect(await refusal(catalog.push('a', confused))).toMatchObject({ code: 'MANIFEST_BLOB_UNKNOWN' });
  });

  test('may be 10,000 layers', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const layers = Array.from({ length: 10_000 }, (_, at) => ({ ...config, digest: digestOf(`${at}`), size: 1 }));
    const { id: repository_id } = await catalog.repository('a');
    await catalog.db.write(async (tx) => {
      const row = { registry_id: catalog.registryId, repository_id, key: 'k', size: 1, created_at: 0 };
      for (let at = 0; at < layers.length; at += 1_000) {
        const values = layers.slice(at, at + 1_000).map(({ digest }) => ({ ...row, digest }));
        await tx.insertInto('blob_links').values(values).execute();
      }
    });
    const started = performance.now();
    const { digest } = await catalog.push('a', catalog.image([config, ...layers]), { tags: ['big'] });
    const pushed = performance.now();
    await deleteManifest(catalog, await catalog.repository('a'), digest);
    expect(pushed - started).toBeLessThan(20_000);
    expect(performance.now() - pushed).toBeLessThan(20_000);
    expect(await catalog.count('gc_candidates')).toBe(10_002);
  });
});

describe('deleting', () => {
  test('a manifest takes its tags along, with an event for each', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const { digest } = await catalog.push('a', catalog.image([config]), { tags: ['v1', 'v2'] });
    await catalog.push('a', catalog.image([config], { annotations: { n: '2' } }), { tags: ['other'] });
    const repository = await catalog.repository('a');
    await deleteManifest(catalog, repository, digest);
    expect(await listTags(catalog, repository, '', 10)).toEqual(['other']);
    expect(await catalog.has('a', digest)).toBe(false);
    expect((await events(catalog)).slice(-3)).toEqual(['tag.deleted', 'tag.deleted', 'manifest.deleted']);
    expect(await refusal(deleteManifest(catalog, repository, digest))).toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });

  test('a manifest with thousands of tags is done in steps, so that others can write meanwhile', async () => {
    await using catalog = await openTestCatalog();
    const tags = Array.from({ length: 1200 }, (_, at) => `build-${at}`);
    const { digest } = await catalog.push('a', catalog.image([await catalog.blob('a', '{}')]), { tags });
    const repository = await catalog.repository('a');
    const { catalog: counted, writes } = countingWrites(catalog);
    await deleteManifest(counted, repository, digest);
    const removed = writes.map((all) => all.filter((text) => text.startsWith('DELETE FROM tags')).length);
    expect(removed.reduce((sum, count) => sum + count, 0)).toBe(1200);
    expect(Math.max(...removed)).toBeLessThanOrEqual(500);
    expect(await catalog.has('a', digest)).toBe(false);
    expect(await catalog.count('tags')).toBe(0);
    const last = await catalog.db.all('SELECT 1 FROM tag_history WHERE digest IS NULL', []);
    expect(last).toHaveLength(1200);
  });

  test('a tag leaves its manifest', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.push('a', catalog.image([await catalog.blob('a', '{}')]), { tags: ['v1'] });
    const repository = await catalog.repository('a');
    await deleteTag(catalog, repository, 'v1');
    expect(await catalog.has('a', digest)).toBe(true);
    const missing = await refusal(deleteTag(catalog, repository, 'v1'));
    expect(missing).toMatchObject({ code: 'MANIFEST_UNKNOWN', detail: { tag: 'v1' } });
  });

  test('a manifest that an index lists is refused until the index is gone', async () => {
    await using catalog = await openTestCatalog();
    const child = await catalog.push('a', catalog.image([await catalog.blob('a', '{}')]));
    const index = await catalog.push('a', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] });
    const repository = await catalog.repository('a');
    const error = await refusal(deleteManifest(catalog, repository, child.digest));
    expect(error).toMatchObject({ code: 'DENIED', status: 409, detail: { manifest: index.digest } });
    await deleteManifest(catalog, repository, index.digest);
    await deleteManifest(catalog, repository, child.digest);
    expect(await catalog.count('manifests')).toBe(0);
  });

  test('a child of a sparse index is allowed', async () => {
    await using catalog = await openTestCatalog({ sparseIndexes: true });
    const child = await catalog.push('a', catalog.image([await catalog.blob('a', '{}')]));
    const index = await catalog.push('a', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] });
    await deleteManifest(catalog, await catalog.repository('a'), child.digest);
    expect(await catalog.has('a', index.digest)).toBe(true);
  });
});
