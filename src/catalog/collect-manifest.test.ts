import { describe, expect, test } from 'bun:test';
import { digestOf, mediaTypes } from '../oci/index.ts';
import { deleteManifest } from './delete-manifest.ts';
import { findManifestToKeep } from './find-manifest.ts';
import { deleteTag } from './tags.ts';
import { collectAfter, day, type Description, nothing, openTestCatalog, refusal } from './test-catalog.double.ts';

const indexOf = (manifests: Description[], more: object = {}) => ({
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests,
  ...more,
});

describe('manifests', () => {
  test('without a tag stay: only deleting removes them', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const child = await catalog.push('a', catalog.image([config]), { tags: ['v1'] });
    const index = await catalog.push('a', indexOf([child]), { tags: ['v1'] });
    await deleteTag(catalog, await catalog.repository('a'), 'v1');
    expect(await collectAfter(catalog, 9 * day)).toEqual(nothing);
    await deleteManifest(catalog, await catalog.repository('a'), index.digest);
    expect(await collectAfter(catalog, 9 * day)).toEqual(nothing);
    expect(await catalog.has('a', child.digest)).toBe(true);
  });

  test('lesson 50: children that two indexes share stay with the one that is left', async () => {
    await using catalog = await openTestCatalog();
    const child = await catalog.push('a', catalog.image([await catalog.blob('a', '{}')]));
    const gone = await catalog.push('a', indexOf([child]));
    const left = await catalog.push('a', indexOf([child, child]));
    await deleteManifest(catalog, await catalog.repository('a'), gone.digest);
    await collectAfter(catalog, 9 * day);
    expect(await refusal(deleteManifest(catalog, await catalog.repository('a'), child.digest))).toMatchObject({
      status: 409,
    });
    expect(await catalog.has('a', left.digest)).toBe(true);
  });

  test('lesson 50: referrers live with their subject and go after it, and what they held goes after them', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const layer = await catalog.blob('a', 'signature');
    const subject = await catalog.push('a', catalog.image([config]), { tags: ['v1'] });
    const signature = await catalog.push('a', catalog.image([config, layer], { subject }));
    const countersignature = await catalog.push('a', catalog.image([config], { subject: signature }));
    expect(await collectAfter(catalog, 9 * day)).toEqual(nothing);
    await deleteManifest(catalog, await catalog.repository('a'), subject.digest);
    expect(await collectAfter(catalog, day - 1)).toEqual(nothing);
    expect(await catalog.has('a', signature.digest)).toBe(true);
    expect(await collectAfter(catalog, 1)).toMatchObject({ manifests: 1 });
    expect(await collectAfter(catalog, day)).toMatchObject({ manifests: 1, links: 1, blobs: 1 });
    expect(await catalog.has('a', countersignature.digest)).toBe(false);
    expect(await collectAfter(catalog, day)).toMatchObject({ links: 1, blobs: 1 });
    expect(await catalog.count('manifests')).toBe(0);
  });

  test('lesson 50: a referrer stays while its subject is back, or a tag or an index holds it', async () => {
    for (const holder of ['subject', 'tag', 'index']) {
      await using catalog = await openTestCatalog();
      const config = await catalog.blob('a', '{}');
      const json = catalog.image([config]);
      const subject = await catalog.push('a', json);
      const referrer = catalog.image([config], { subject });
      const pushed = await catalog.push('a', referrer);
      const repository = await catalog.repository('a');
      await deleteManifest(catalog, repository, subject.digest);
      if (holder === 'subject') await catalog.push('a', json);
      if (holder === 'tag') await catalog.push('a', referrer, { tags: ['signature'] });
      const index = holder === 'index' ? await catalog.push('a', indexOf([pushed])) : undefined;
      expect(await collectAfter(catalog, 9 * day)).toEqual(nothing);
      expect(await catalog.has('a', pushed.digest)).toBe(true);
      if (holder === 'subject') await deleteManifest(catalog, repository, subject.digest);
      if (holder === 'tag') await deleteTag(catalog, repository, 'signature');
      if (index) await deleteManifest(catalog, repository, index.digest);
      expect(await collectAfter(catalog, day)).toMatchObject({ manifests: 1 });
    }
  });

  test('a referrer that is pushed before its subject waits for it for as long as it takes', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const subject = { ...config, digest: digestOf('later'), mediaType: mediaTypes.ociManifest };
    const { digest } = await catalog.push('a', catalog.image([config], { subject }));
    expect(await collectAfter(catalog, 90 * day)).toEqual(nothing);
    expect(await catalog.has('a', digest)).toBe(true);
  });

  test('lesson 48: a push or a HEAD by digest gives a referrer the full delay again', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const subject = await catalog.push('a', catalog.image([config]));
    const { digest } = await catalog.push('a', catalog.image([config], { subject }));
    await deleteManifest(catalog, await catalog.repository('a'), subject.digest);
    await collectAfter(catalog, day - 1);
    expect(await findManifestToKeep(catalog, catalog.registryId, 'a', { digest })).toMatchObject({ digest });
    expect(await collectAfter(catalog, day - 1)).toEqual(nothing);
    expect(await collectAfter(catalog, 1)).toMatchObject({ manifests: 1 });
    expect(await findManifestToKeep(catalog, catalog.registryId, 'a', { digest })).toBeUndefined();
  });
});
