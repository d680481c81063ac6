import { describe, expect, test } from 'bun:test';
import { RegistryError } from '../errors/index.ts';
import { type Digest } from '../oci/index.ts';
import { checkCatalog } from './check.ts';
import { collectStep } from './collect.ts';
import { deleteRepository } from './delete-repository.ts';
import { describeDeleted, describeDeletedTags, listDeletedRepositories } from './describe-deleted.ts';
import { indexOf, isSound, keptDigests, openKeeping, purgeAll, remove, rows } from './keeping-catalog.double.ts';
import { purgeManifest } from './purge-deleted.ts';
import { expectCounted } from './recount.double.ts';
import { collectRetired, retireRegistry } from './registries.ts';
import { listRepositories } from './repositories.ts';
import { restoreManifest } from './restore-deleted.ts';
import { emptyRetired } from './retire-repository.ts';
import { collectAfter, day, type Description } from './test-catalog.double.ts';

describe('a repository that is deleted whole', () => {
  test('is not listed, keeps what can be restored, and is there again under its name with what is', async () => {
    await using catalog = await openKeeping();
    const { registryId } = catalog;
    const blobs = [await catalog.blob('app', '{}'), await catalog.blob('app', 'layer')];
    const image = await catalog.push('app', catalog.image(blobs), { tags: ['v1'] });
    const other = await catalog.push('app', catalog.image([blobs[0]!]), { tags: ['v2'] });
    const { id } = await catalog.repository('app');
    await deleteRepository(catalog, await catalog.repository('app'));
    for (let round = 0; round < 9; round++) {
      catalog.clock.now += day;
      while (await emptyRetired(catalog));
      await collectAfter(catalog, 0);
    }
    expect(await listRepositories(catalog, registryId, '', 10)).toEqual([]);
    expect(await listDeletedRepositories(catalog, registryId, () => true, { last: '', limit: 10 })).toEqual(['app']);
    expect((await keptDigests(catalog)).toSorted()).toEqual([image.digest, other.digest].toSorted());
    expect(await catalog.count('blob_links')).toBe(2);
    await isSound(catalog);

    await restoreManifest(catalog, registryId, 'app', image.digest, { tag: 'v1' });
    expect((await catalog.repository('app')).id).not.toBe(id);
    expect(await listRepositories(catalog, registryId, '', 10)).toEqual(['app']);
    expect(await catalog.hasBlob('app', blobs[1]!.digest)).toBe(true);
    await isSound(catalog);
    await expectCounted(catalog.db);
    // The layer is in the new repository alone, then; what else is kept keeps the old one.
    await collectAfter(catalog, day);
    expect(await catalog.count('blob_links')).toBe(3);
    catalog.clock.now += 9 * day;
    expect(await purgeAll(catalog)).toBe(1);
    for (let round = 0; round < 3; round++) await collectAfter(catalog, day);
    expect(await catalog.count('repositories')).toBe(1);
    expect(await catalog.count('blob_links')).toBe(2);
    await isSound(catalog);
  });

  test('and what is kept of two of one name is shown once, restored from the latest, and purged of both', async () => {
    await using catalog = await openKeeping();
    const { registryId } = catalog;
    const json = (config: Description) => catalog.image([config]);
    const first = await catalog.push('app', json(await catalog.blob('app', '{}')));
    const old = await catalog.repository('app');
    await deleteRepository({ ...catalog, softDelete: undefined }, old, {
      manifest: () => {},
      tags: () => {},
    });
    // A manifest that came too late into the old one goes when there is one of that name again.
    await catalog.push('app', json(await catalog.blob('app', '{}')));
    await catalog.db.write((tx) =>
      tx.run(
        `INSERT INTO deleted_manifests SELECT registry_id, ?, 'app', digest, media_type, artifact_type, kind, size, 2,
          subject_digest, annotations, pushed_at, 5, NULL, NULL, bytes FROM manifests`,
        [old.id],
      ),
    );
    await remove(catalog, first.digest);
    expect(await keptDigests(catalog)).toEqual([first.digest]);
    expect(await rows(catalog)).toMatchObject({ deleted_manifests: 2 });
    await restoreManifest(catalog, registryId, 'app', first.digest);
    expect(await rows(catalog)).toMatchObject({ deleted_manifests: 0 });
  });

  test('of a deleted registry nothing is kept', async () => {
    await using catalog = await openKeeping();
    const image = await catalog.push('app', catalog.image([await catalog.blob('app', '{}')]), { tags: ['v1'] });
    await catalog.push('app', catalog.image([await catalog.blob('app', '[]')]), { tags: ['v2'] });
    await remove(catalog, image.digest);
    await catalog.db.write((tx) => retireRegistry(tx, 'default'));
    expect(await collectRetired(catalog)).toBe(true);
    expect(await catalog.count('manifests')).toBe(0);
    expect(await rows(catalog)).toMatchObject({ deleted_manifests: 1 });
    for (let round = 0; round < 5; round++) {
      while (await collectRetired(catalog));
      await collectAfter(catalog, day);
    }
    expect(await rows(catalog)).toEqual({ deleted_manifests: 0, deleted_references: 0, deleted_tags: 0 });
    for (const table of ['repositories', 'blob_links'] as const) expect(await catalog.count(table)).toBe(0);
  });
});

test('lists go on behind what was seen, by name and by time, whatever tags have one name', async () => {
  await using catalog = await openKeeping();
  const { registryId } = catalog;
  const digests: Digest[] = [];
  for (let n = 0; n < 7; n++) {
    const json = { ...indexOf([]), annotations: { n: `${n}` } };
    const { digest } = await catalog.push('app', json, { tags: ['latest', `v${n}`] });
    catalog.clock.now += 1000;
    await remove(catalog, digest);
    digests.push(digest);
  }
  for (const name of ['a', 'b', 'c']) await remove(catalog, (await catalog.push(name, indexOf([]))).digest, name);
  const names = (last: string, limit: number, maySee: (name: string) => boolean = () => true) =>
    listDeletedRepositories(catalog, registryId, maySee, { last, limit });
  expect(await names('', 2)).toEqual(['a', 'app']);
  expect(await names('app', 2)).toEqual(['b', 'c']);
  expect(await names('', 2, (name) => name > 'b')).toEqual(['c']);
  for (const [order, expected] of [
    ['name', digests.toSorted()],
    ['oldest', digests],
    ['newest', digests.toReversed()],
  ] as const) {
    const seen: Digest[] = [];
    for (let last = '', at: number | undefined; ;) {
      const page = await describeDeleted(catalog, registryId, 'app', { order, last, at, limit: 3 });
      seen.push(...page.map(({ digest }) => digest));
      if (page.length < 3) break;
      last = page.at(-1)!.digest;
      at = page.at(-1)!.deletedAt;
    }
    expect([order, seen]).toEqual([order, [...expected]]);
    const tags: string[] = [];
    for (let last = '', at: number | undefined, digest: string | undefined; ;) {
      const page = await describeDeletedTags(catalog, registryId, 'app', { order, last, at, digest, limit: 3 });
      tags.push(...page.map((tag) => `${tag.name} ${digests.indexOf(tag.digest)}`));
      const end = page.at(-1);
      if (page.length < 3 || !end) break;
      ({ name: last, deletedAt: at, digest } = end);
    }
    const each = [0, 1, 2, 3, 4, 5, 6];
    const byTime = each.flatMap((n) => [`latest ${n}`, `v${n} ${n}`]);
    const byName = [...each.map((n) => `latest ${n}`), ...each.map((n) => `v${n} ${n}`)];
    expect(tags).toEqual(order === 'name' ? byName : order === 'oldest' ? byTime : byTime.toReversed());
  }
});

test('fsck finds and mends what deleted manifests hold wrongly', async () => {
  await using catalog = await openKeeping();
  const image = await catalog.push('app', catalog.image([await catalog.blob('app', '{}')]), { tags: ['v1'] });
  await remove(catalog, image.digest);
  const codes = async (repair: boolean) =>
    (await Array.fromAsync(checkCatalog(catalog, { repair }))).map(({ code }) => code);
  await catalog.db.write((tx) => tx.run('DELETE FROM deleted_references', []));
  expect(await codes(false)).toEqual(['references-differ', 'link-forgotten']);
  expect(await codes(true)).toEqual(['references-differ']);
  expect(await codes(false)).toEqual([]);
  await catalog.db.write((tx) => tx.run('DELETE FROM deleted_manifests', []));
  expect(await codes(true)).toEqual(['references-orphaned']);
  expect(await codes(false)).toEqual([]);
  expect(await collectAfter(catalog, day)).toMatchObject({ links: 1 });
});

test('whoever pushes, deletes, restores, purges and collects at once: nothing waits for itself, and nothing that is there lacks anything', async () => {
  await using catalog = await openKeeping({ gcDelayMs: 0 });
  const { registryId } = catalog;
  const contents = ['{}', 'one', 'two'];
  const images = [
    [0, 1],
    [0, 2],
    [0, 1, 2],
  ] as const;
  const blobs = await Promise.all(contents.map((content) => catalog.blob('app', content)));
  const jsons = images.map((of) => catalog.image(of.map((n) => blobs[n]!)));
  const digests: Digest[] = [];
  for (const json of jsons) digests.push((await catalog.push('app', json)).digest);
  const mayBe = new Set(['MANIFEST_UNKNOWN', 'MANIFEST_BLOB_UNKNOWN', 'NAME_UNKNOWN', 'CONFLICT']);
  async function act(n: number): Promise<unknown> {
    const digest = digests[n % 3]!;
    if (n % 11 === 0) return deleteRepository(catalog, await catalog.repository('app').catch(gone));
    if (n % 7 === 0) return Promise.all([collectStep(catalog), emptyRetired(catalog)]);
    if (n % 5 === 0) return purgeManifest(catalog, registryId, 'app', digest);
    if (n % 3 !== 0)
      return restoreManifest(catalog, registryId, 'app', digest, { tag: `t${n % 4}`, force: n % 2 === 0 });
    if (n % 2 === 0) return remove(catalog, digest, 'app').catch(gone);
    for (const content of contents) await catalog.blob('app', content);
    return catalog.push('app', jsons[n % 3]!, { tags: [`t${n % 4}`] });
  }
  const gone = (error: unknown): never => {
    if (error instanceof Error && error.message === 'no repository app') throw new RegistryError('NAME_UNKNOWN');
    throw error;
  };
  let next = 1;
  const worker = async () => {
    while (next < 160) {
      await act(next++).catch((error: unknown) => {
        if (!(error instanceof RegistryError && mayBe.has(error.code))) throw error;
      });
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  await isSound(catalog);
  await expectCounted(catalog.db);
  for (const digest of await keptDigests(catalog)) {
    const restored = await restoreManifest(catalog, registryId, 'app', digest);
    expect(restored).toEqual([digest]);
  }
  await isSound(catalog);
});
