import { describe, expect, test } from 'bun:test';
import { digestOf, mediaTypes, parseManifest } from '../oci/index.ts';
import { describeDeleted, describeDeletedTags } from './describe-deleted.ts';
import { deleteManifest } from './delete-manifest.ts';
import { findManifest, findManifestFacts } from './find-manifest.ts';
import { indexOf, isSound, keptDigests, openKeeping, purgeAll, remove, rows, whole } from './keeping-catalog.double.ts';
import { deleteBlob } from './links.ts';
import { purgeDeleted, purgeManifest } from './purge-deleted.ts';
import { putManifest } from './put-manifest.ts';
import { expectCounted } from './recount.double.ts';
import { restoreManifest } from './restore-deleted.ts';
import { recording } from './statements.double.ts';
import { collectAfter, day, nothing, openTestCatalog, refusal, type TestCatalog } from './test-catalog.double.ts';
import { registryUsage } from './usage.ts';

test('what is deleted is kept with its tags and blobs, and a restore brings it back whole', async () => {
  await using catalog = await openKeeping();
  const { registryId } = catalog;
  const layer = await catalog.blob('app', 'layer');
  const json = catalog.image([await catalog.blob('app', '{}'), layer], { annotations: { a: 'b' } });
  const image = await catalog.push('app', json, { tags: ['v1', 'v2'] });
  const before = await registryUsage(catalog, registryId);
  catalog.clock.now += day;
  const deletedAt = catalog.clock.now;
  await remove(catalog, image.digest);

  expect(await catalog.has('app', image.digest)).toBe(false);
  const { manifestBytes, blobBytes, manifests } = await registryUsage(catalog, registryId);
  const { manifestBytes: bytesBefore, blobBytes: blobsBefore } = before;
  expect({ manifestBytes, blobBytes, manifests }).toEqual({
    manifestBytes: bytesBefore,
    blobBytes: blobsBefore,
    manifests: 0,
  });
  expect(await describeDeleted(catalog, registryId, 'app', whole)).toEqual([
    {
      digest: image.digest,
      mediaType: mediaTypes.ociManifest,
      artifactType: layer.mediaType,
      imageSize: 7,
      subject: undefined,
      pushedAt: deletedAt - day,
      deletedAt,
      purgeAt: deletedAt + 10 * day,
      by: { id: 'user:1', name: 'alice' },
      tags: ['v1', 'v2'],
    },
  ]);
  expect(await collectAfter(catalog, 9 * day)).toEqual(nothing);
  await isSound(catalog);
  await expectCounted(catalog.db);

  expect(await restoreManifest(catalog, registryId, 'app', image.digest, { tag: 'v1' })).toEqual([image.digest]);
  expect(await findManifestFacts(catalog, registryId, 'app', { tag: 'v1' })).toMatchObject({ digest: image.digest });
  expect(await findManifestFacts(catalog, registryId, 'app', { tag: 'v2' })).toBeUndefined();
  expect(await rows(catalog)).toEqual({ deleted_manifests: 0, deleted_references: 0, deleted_tags: 0 });
  expect(await registryUsage(catalog, registryId)).toEqual(before);
  expect(await collectAfter(catalog, 99 * day)).toEqual(nothing);
  expect(await catalog.hasBlob('app', layer.digest)).toBe(true);
  await isSound(catalog);
});

test('without the policy nothing is kept', async () => {
  await using catalog = await openTestCatalog();
  const image = await catalog.push('app', catalog.image([await catalog.blob('app', '{}')]), { tags: ['v1'] });
  await remove(catalog, image.digest);
  expect(await rows(catalog)).toEqual({ deleted_manifests: 0, deleted_references: 0, deleted_tags: 0 });
  expect(await collectAfter(catalog, day)).toMatchObject({ links: 1, blobs: 1 });
  expect(await refusal(restoreManifest(catalog, catalog.registryId, 'app', image.digest))).toMatchObject({
    code: 'MANIFEST_UNKNOWN',
  });
});

test('where nobody has ever said anything of it, a push, a pull and a deletion send no statement about it', async () => {
  await using base = await openTestCatalog({ softDelete: () => undefined });
  const asked: string[] = [];
  const catalog = { ...base, db: recording(base.db, ({ text }) => void asked.push(text)) };
  const { registryId } = catalog;
  const bytes = Buffer.from(JSON.stringify(base.image([await base.blob('app', '{}')])));
  const parsed = parseManifest(bytes, mediaTypes.ociManifest);
  const digest = digestOf(bytes);
  await putManifest(catalog, registryId, 'app', { digest, bytes, parsed, tags: ['v1'] });
  await findManifest(catalog, registryId, 'app', { tag: 'v1' });
  await deleteManifest(catalog, await base.repository('app'), digest);
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter((text) => text.includes('deleted_'))).toEqual([]);
});

describe('time', () => {
  test('what is kept goes once the retention of now is over, whatever it was at the time, and its blobs after it', async () => {
    await using catalog = await openKeeping();
    const image = await catalog.push('app', catalog.image([await catalog.blob('app', '{}')]), { tags: ['v1'] });
    await remove(catalog, image.digest);
    catalog.clock.now += 5 * day - 1;
    expect(await purgeAll(catalog)).toBe(0);
    catalog.policy.retentionMs = 5 * day;
    expect(await purgeAll(catalog)).toBe(0);
    catalog.clock.now += 1;
    expect(await purgeAll(catalog)).toBe(1);
    expect(await rows(catalog)).toEqual({ deleted_manifests: 0, deleted_references: 0, deleted_tags: 0 });
    expect(await collectAfter(catalog, day - 1)).toEqual(nothing);
    expect(await collectAfter(catalog, 1)).toMatchObject({ links: 1, blobs: 1 });
    for (let days = 0; days < 3; days++) await collectAfter(catalog, day);
    expect(await catalog.count('repositories')).toBe(0);
    await isSound(catalog);
  });

  test('what was kept before the policy was turned off goes by the same rule, and nothing new is kept', async () => {
    await using catalog = await openKeeping();
    const image = await catalog.push('app', catalog.image([await catalog.blob('app', '{}')]));
    const other = await catalog.push('app', catalog.image([await catalog.blob('app', '[]')]));
    await remove(catalog, image.digest);
    catalog.policy.enabled = false;
    await remove(catalog, other.digest);
    expect(await purgeAll(catalog)).toBe(0);
    expect(await keptDigests(catalog)).toEqual([image.digest]);
    await restoreManifest(catalog, catalog.registryId, 'app', image.digest);
    expect(await catalog.has('app', image.digest)).toBe(true);
  });

  test('rounds are small, go on where one broke off, and take each registry by its own time', async () => {
    const retentions = new Map<number, number>();
    await using catalog = await openTestCatalog({
      softDelete: (id) => ({ enabled: true, retentionMs: retentions.get(id)! }),
    });
    const other = await catalog.registry('other');
    retentions.set(catalog.registryId, day).set(other.registryId, 2 * day);
    for (const one of [catalog, other]) {
      await remove(one, (await one.push('app', indexOf([]))).digest);
      await one.db.write((tx) =>
        tx.run(
          `INSERT INTO deleted_manifests WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 104)
            SELECT registry_id, repository_id, repository, digest || n, media_type, artifact_type, kind, size, image_size,
              subject_digest, annotations, pushed_at, deleted_at, by_id, by_name, bytes
            FROM deleted_manifests, i WHERE registry_id = ?`,
          [one.registryId],
        ),
      );
    }
    catalog.clock.now += day;
    const first = await purgeDeleted(catalog);
    expect(first).toMatchObject({ manifests: 100, more: true });
    expect(await purgeAll(catalog)).toBe(5);
    expect((await keptDigests(other)).length).toBe(105 - 5);
    catalog.clock.now += day;
    expect(await purgeAll(catalog)).toBe(105);
  });
});

describe('an index', () => {
  async function openIndex() {
    const catalog = await openKeeping();
    const [one, two] = [await catalog.blob('app', '{}'), await catalog.blob('app', '[]')];
    const children = [
      await catalog.push('app', catalog.image([one])),
      await catalog.push('app', catalog.image([two])),
    ] as const;
    const index = await catalog.push('app', indexOf([...children]), { tags: ['v1'] });
    return { catalog, children, index };
  }

  test('comes back with what it lists that was deleted, too', async () => {
    const { catalog, children, index } = await openIndex();
    await using _ = catalog;
    const { registryId } = catalog;
    await remove(catalog, index.digest);
    await remove(catalog, children[1].digest);
    expect(await restoreManifest(catalog, registryId, 'app', index.digest, { tag: 'v1' })).toEqual([
      children[1].digest,
      index.digest,
    ]);
    for (const { digest } of [...children, index]) expect(await catalog.has('app', digest)).toBe(true);
    expect(await keptDigests(catalog)).toEqual([]);
    await isSound(catalog);
  });

  test('is refused where something that it lists is gone for good, and nothing is restored', async () => {
    const { catalog, children, index } = await openIndex();
    await using _ = catalog;
    const { registryId } = catalog;
    for (const { digest } of [index, ...children]) await remove(catalog, digest);
    await purgeManifest(catalog, registryId, 'app', children[1].digest);
    expect(await refusal(restoreManifest(catalog, registryId, 'app', index.digest))).toMatchObject({
      code: 'MANIFEST_BLOB_UNKNOWN',
      detail: { missing: [children[1].digest] },
    });
    expect(await catalog.has('app', children[0].digest)).toBe(false);
    expect((await keptDigests(catalog)).length).toBe(2);
  });
});

test('a referrer that went after its subject is kept, and comes back without it', async () => {
  await using catalog = await openKeeping();
  const { registryId } = catalog;
  const config = await catalog.blob('app', '{}');
  const subject = await catalog.push('app', catalog.image([config]), { tags: ['v1'] });
  const signature = await catalog.push('app', catalog.image([config, await catalog.blob('app', 's')], { subject }));
  await remove(catalog, subject.digest);
  // The collector asks on nobody's behalf.
  expect(await collectAfter(Object.assign(catalog, { by: undefined }), day)).toMatchObject({ manifests: 1, links: 0 });
  const kept = await describeDeleted(catalog, registryId, 'app', whole);
  expect(kept.find(({ digest }) => digest === signature.digest)).toMatchObject({ subject: subject.digest });
  await restoreManifest(catalog, registryId, 'app', signature.digest);
  expect(await collectAfter(catalog, 9 * day)).toEqual(nothing);
  expect(await catalog.has('app', signature.digest)).toBe(true);
});

test('a referrer that is collected with the server stopped is kept where its subject is', async () => {
  for (const enabled of [true, false]) {
    await using catalog = await openKeeping();
    catalog.policy.enabled = enabled;
    const config = await catalog.blob('app', '{}');
    const subject = await catalog.push('app', catalog.image([config]));
    const { digest } = await catalog.push('app', catalog.image([config], { subject }));
    await remove(catalog, subject.digest);
    expect(await collectAfter(Object.assign(catalog, { softDelete: undefined }), day)).toMatchObject({ manifests: 1 });
    expect(await keptDigests(catalog)).toEqual(enabled ? [subject.digest, digest].toSorted() : []);
  }
});

test('a tag that names something else is moved by force alone, and refused before anything is restored', async () => {
  await using catalog = await openKeeping();
  const { registryId } = catalog;
  const config = await catalog.blob('app', '{}');
  const image = await catalog.push('app', catalog.image([config]), { tags: ['v1'] });
  await remove(catalog, image.digest);
  const other = await catalog.push('app', catalog.image([config], { annotations: { other: '1' } }), { tags: ['v1'] });
  const restore = (force: boolean) => restoreManifest(catalog, registryId, 'app', image.digest, { tag: 'v1', force });
  expect(await refusal(restore(false))).toMatchObject({ code: 'CONFLICT', detail: { digest: other.digest } });
  expect(await catalog.has('app', image.digest)).toBe(false);
  expect(await keptDigests(catalog)).toEqual([image.digest]);
  await restore(true);
  expect(await findManifestFacts(catalog, registryId, 'app', { tag: 'v1' })).toMatchObject({ digest: image.digest });
});

test('a push of what is kept works, and it is not kept any more', async () => {
  await using catalog = await openKeeping();
  const json = catalog.image([await catalog.blob('app', '{}')]);
  const image = await catalog.push('app', json, { tags: ['v1'] });
  await remove(catalog, image.digest);
  catalog.clock.now += 1;
  await catalog.push('app', json, { tags: ['v3'] });
  expect(await rows(catalog)).toEqual({ deleted_manifests: 0, deleted_references: 0, deleted_tags: 0 });
  await remove(catalog, image.digest);
  expect((await describeDeleted(catalog, catalog.registryId, 'app', whole))[0]).toMatchObject({ tags: ['v3'] });
});

test('of a manifest with thousands of tags all are kept, in small transactions, and all go', async () => {
  await using catalog = await openKeeping();
  const { registryId } = catalog;
  const tags = Array.from({ length: 1203 }, (_, n) => `t${String(n).padStart(4, '0')}`);
  const json = catalog.image([await catalog.blob('app', '{}')]);
  const image = await catalog.push('app', json, { tags });
  await remove(catalog, image.digest);
  const position = { ...whole, limit: 2000 };
  expect((await describeDeletedTags(catalog, registryId, 'app', position)).map(({ name }) => name)).toEqual(tags);
  await purgeManifest(catalog, registryId, 'app', image.digest);
  expect(await rows(catalog)).toEqual({ deleted_manifests: 0, deleted_references: 0, deleted_tags: 0 });
  // Those that a push leaves behind are not shown, and go with the repository.
  await catalog.push('app', json, { tags });
  await remove(catalog, image.digest);
  catalog.clock.now += 1;
  await catalog.push('app', json);
  expect(await rows(catalog)).toMatchObject({ deleted_tags: 703 });
  await remove(catalog, image.digest);
  expect(await describeDeletedTags(catalog, registryId, 'app', position)).toEqual([]);
  await purgeManifest(catalog, registryId, 'app', image.digest);
  await catalog.db.write((tx) => tx.run('UPDATE deleted_tags SET digest = ?', ['sha256:gone']));
  for (let days = 0; days < 4; days++) await collectAfter(catalog, day);
  expect(await catalog.count('repositories')).toBe(0);
  expect(await rows(catalog)).toMatchObject({ deleted_tags: 0 });
});

test('a blob that only a deleted manifest needs cannot be deleted before that is purged', async () => {
  await using catalog = await openKeeping();
  const layer = await catalog.blob('app', 'layer');
  const image = await catalog.push('app', catalog.image([await catalog.blob('app', '{}'), layer]));
  await remove(catalog, image.digest);
  const repository = await catalog.repository('app');
  expect(await refusal(deleteBlob(catalog, repository, layer.digest))).toMatchObject({
    code: 'DENIED',
    status: 409,
    detail: { manifest: image.digest },
  });
  await purgeManifest(catalog, catalog.registryId, 'app', image.digest);
  await deleteBlob(catalog, repository, layer.digest);
  expect(await refusal(purgeManifest(catalog, catalog.registryId, 'app', image.digest))).toMatchObject({
    code: 'MANIFEST_UNKNOWN',
  });
});

test('a transaction that fails leaves a manifest deleted and kept, or neither; restored, or neither', async () => {
  await using catalog = await openKeeping();
  const { registryId } = catalog;
  const image = await catalog.push('app', catalog.image([await catalog.blob('app', '{}')]), { tags: ['v1'] });
  const failing: TestCatalog = {
    ...catalog,
    db: {
      ...catalog.db,
      write: (action, options) =>
        catalog.db.write(async (tx) => {
          await action(tx);
          throw new Error('it died');
        }, options),
    },
  };
  await expect(remove(failing, image.digest)).rejects.toThrow('it died');
  expect(await catalog.has('app', image.digest)).toBe(true);
  expect(await rows(catalog)).toEqual({ deleted_manifests: 0, deleted_references: 0, deleted_tags: 0 });
  await remove(catalog, image.digest);
  await expect(restoreManifest(failing, registryId, 'app', image.digest)).rejects.toThrow('it died');
  await expect(purgeManifest(failing, registryId, 'app', image.digest)).rejects.toThrow('it died');
  expect(await catalog.has('app', image.digest)).toBe(false);
  expect(await rows(catalog)).toEqual({ deleted_manifests: 1, deleted_references: 1, deleted_tags: 1 });
  await isSound(catalog);
});

test('of many who restore at once all succeed or are told that it is restored, and it is there once', async () => {
  await using catalog = await openKeeping();
  const { registryId } = catalog;
  const image = await catalog.push('app', catalog.image([await catalog.blob('app', '{}')]), { tags: ['v1'] });
  await remove(catalog, image.digest);
  const ended = await Promise.allSettled(
    Array.from({ length: 6 }, (_, n) => restoreManifest(catalog, registryId, 'app', image.digest, { tag: `v${n}` })),
  );
  const refused = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(refused.length).toBe(5);
  for (const error of refused) expect(error).toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  expect(await catalog.count('manifests')).toBe(1);
  expect(await catalog.count('tags')).toBe(1);
});

test('tags are kept also of what was pushed by a clock that was ahead', async () => {
  await using catalog = await openKeeping();
  const { registryId } = catalog;
  catalog.clock.now += 1000;
  const tags = Array.from({ length: 700 }, (_, n) => `t${String(n).padStart(3, '0')}`);
  const image = await catalog.push('app', catalog.image([await catalog.blob('app', '{}')]), { tags });
  catalog.clock.now -= 1000;
  await deleteManifest(catalog, await catalog.repository('app'), image.digest, {
    removed: () => void (catalog.clock.now += 10),
  });
  const [kept] = await describeDeleted(catalog, registryId, 'app', whole);
  expect(kept?.tags).toEqual(tags.slice(0, 100));
  const listed = await describeDeletedTags(catalog, registryId, 'app', { ...whole, limit: 1000 });
  expect(listed.map(({ name }) => name)).toEqual(tags);
  await restoreManifest(catalog, registryId, 'app', image.digest, { tag: 't000' });
  catalog.clock.now += 1000;
  await remove(catalog, image.digest);
  // Of the first time only the tag that came back.
  const again = await describeDeletedTags(catalog, registryId, 'app', whole);
  expect(again.map(({ name }) => name)).toEqual(['t000']);
});
