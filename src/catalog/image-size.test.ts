import { expect, test } from 'bun:test';
import { digestOf } from '../oci/index.ts';
import { describeDeleted } from './describe-deleted.ts';
import { describeManifest, describeManifests } from './describe-manifests.ts';
import { keptDigests, openKeeping, remove, whole } from './keeping-catalog.double.ts';
import { restoreManifest } from './restore-deleted.ts';
import { blobBytesAmong } from './search-manifests.ts';

const mediaType = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';

test.each([2, 1500])(
  'an image that claims more bytes than there are, in %p layers from elsewhere, fails no list, search, deletion or restore',
  async (layers) => {
    await using catalog = await openKeeping();
    const { registryId } = catalog;
    const size = Number.MAX_SAFE_INTEGER;
    const config = await catalog.blob('app', '{}');
    const claimed = Array.from({ length: layers }, (_, n) => ({ mediaType, digest: digestOf(`${n}`), size }));
    const [image, usual] = [
      await catalog.push('app', catalog.image([config, ...claimed])),
      await catalog.push('app', catalog.image([config])),
    ];
    const repository = await catalog.repository('app');
    const sizes = new Map([
      [image.digest, size],
      [usual.digest, config.size],
    ]);
    const { manifests } = await describeManifests(catalog, repository, whole);
    expect(new Map(manifests.map(({ digest, imageSize }) => [digest, imageSize]))).toEqual(sizes);
    expect(await blobBytesAmong(catalog, repository, [image.digest, usual.digest])).toEqual(sizes);
    for (const { digest } of [image, usual]) await remove(catalog, digest);
    const kept = await describeDeleted(catalog, registryId, 'app', whole);
    expect(new Map(kept.map(({ digest, imageSize }) => [digest, imageSize]))).toEqual(sizes);
    // As the version before has kept it, where it could.
    await catalog.db.write((tx) =>
      tx.run('UPDATE deleted_manifests SET image_size = 2 * image_size WHERE digest = ?', [image.digest]),
    );
    expect((await describeDeleted(catalog, registryId, 'app', whole)).map(({ imageSize }) => imageSize)).toContain(
      size,
    );
    for (const { digest } of [image, usual]) await restoreManifest(catalog, registryId, 'app', digest);
    expect(await keptDigests(catalog)).toEqual([]);
    expect((await describeManifest(catalog, repository, image.digest))?.imageSize).toBe(size);
  },
);
