import { expect, test } from 'bun:test';
import { type Digest, digestOf, mediaTypes } from '../oci/index.ts';
import { describeManifest, describeManifests } from './describe-manifests.ts';
import { describeRepository, findListedRepository } from './describe-repository.ts';
import { describeTags, describeTagsOf } from './describe-tags.ts';
import { openTestCatalog, type TestCatalog } from './test-catalog.double.ts';
import type { ListOrder } from './time-order.ts';
import { deleteTag } from './tags.ts';

/** An index of nothing, which needs no blobs; `n` makes it another one. */
const nothing = (n: number) => ({
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [],
  annotations: { n: `${n}` },
});

async function pushMany(catalog: TestCatalog, name: string, count: number): Promise<Digest[]> {
  const digests: Digest[] = [];
  for (let n = 0; n < count; n++) digests.push((await catalog.push(name, nothing(n), { tags: [`v${n}`] })).digest);
  return digests;
}

async function walk<T>(read: (from: T | undefined) => Promise<T[]>): Promise<T[]> {
  const seen: T[] = [];
  for (;;) {
    const page = await read(seen.at(-1));
    if (page.length === 0) return seen;
    seen.push(...page);
  }
}

/** Nobody has locked anything. */
const everything = { writeEnabled: true, deleteEnabled: true, listEnabled: true, readEnabled: true };

test('an image is described by its blobs and tags, an index by what it lists', async () => {
  await using catalog = await openTestCatalog();
  const config = await catalog.blob('a', '{}', 'application/vnd.oci.image.config.v1+json');
  const layer = await catalog.blob('a', 'layer');
  const image = await catalog.push('a', catalog.image([config, layer]), { tags: ['v2', 'v1'] });
  const manifests = [{ ...image, platform: { architecture: 'arm64', os: 'linux' } }];
  const index = await catalog.push('a', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  const repository = await catalog.repository('a');
  expect(await describeManifest(catalog, repository, image.digest)).toEqual({
    digest: image.digest,
    mediaType: mediaTypes.ociManifest,
    artifactType: config.mediaType,
    kind: 'image',
    pushedAt: catalog.clock.now,
    imageSize: config.size + layer.size,
    config: { digest: config.digest, mediaType: config.mediaType },
    tags: ['v1', 'v2'],
    children: [],
    attributes: everything,
  });
  const described = await describeManifest(catalog, repository, index.digest);
  expect(described).toMatchObject({ kind: 'index', imageSize: index.size, tags: [], config: undefined });
  expect(described!.children).toEqual([{ digest: image.digest, architecture: 'arm64', os: 'linux' }]);
  expect(await describeManifest(catalog, repository, digestOf('other'))).toBeUndefined();
});

test('a repository has its times and counts, also beyond what is counted at once, and is none without a manifest', async () => {
  await using catalog = await openTestCatalog();
  const began = catalog.clock.now;
  const [first] = await pushMany(catalog, 'a', 1);
  for (const n of [1, 1001]) {
    const tags = Array.from({ length: n }, (_, at) => `t${at}`);
    catalog.clock.now += 1000;
    await catalog.push('a', nothing(0), { tags });
    const repository = (await findListedRepository(catalog, catalog.registryId, 'a'))!;
    expect(await describeRepository(catalog, repository)).toEqual({
      createdAt: began,
      updatedAt: catalog.clock.now,
      manifestCount: 1,
      tagCount: n + 1,
      attributes: everything,
    });
  }
  expect(first).toBeDefined();
  await catalog.blob('b', 'x');
  expect(await findListedRepository(catalog, catalog.registryId, 'b')).toBeUndefined();
  expect(await findListedRepository(await catalog.registry('other'), 2, 'a')).toBeUndefined();
});

test.each<ListOrder>(['name', 'newest', 'oldest'])(
  'a walk by %s passes everything once, also where many things have one time',
  async (order) => {
    await using catalog = await openTestCatalog();
    const expected: { name: string; at: number; digest: Digest }[] = [];
    for (let n = 0; n < 12; n++) {
      if (n % 4 === 0) catalog.clock.now += 1000;
      const name = `t${(n * 5) % 12}`;
      const { digest } = await catalog.push('a', nothing(n), { tags: [name] });
      expected.push({ name, at: catalog.clock.now, digest });
    }
    const repository = await catalog.repository('a');
    const sign = order === 'newest' ? -1 : 1;
    const by = <T>(key: (one: (typeof expected)[number]) => T) =>
      expected.toSorted((a, b) => {
        const time = order === 'name' ? 0 : a.at - b.at;
        return sign * (time || (key(a) < key(b) ? -1 : 1));
      });
    for (const knowsTime of [true, false]) {
      const tags = await walk<{ name: string; updatedAt: number }>((from) =>
        describeTags(catalog, repository, {
          order,
          last: from?.name ?? '',
          at: knowsTime ? from?.updatedAt : undefined,
          limit: 3,
        }),
      );
      expect(tags.map(({ name }) => name)).toEqual(by(({ name }) => name).map(({ name }) => name));
      const manifests = await walk<{ digest: Digest; pushedAt: number }>(
        async (from) =>
          (
            await describeManifests(catalog, repository, {
              order,
              last: from?.digest ?? '',
              at: knowsTime ? from?.pushedAt : undefined,
              limit: 5,
            })
          ).manifests,
      );
      expect(manifests.map(({ digest }) => digest)).toEqual(by(({ digest }) => digest).map(({ digest }) => digest));
    }
  },
);

test('a walk by time goes on behind a tag that was deleted meanwhile, by the time that its link has', async () => {
  await using catalog = await openTestCatalog();
  for (const n of [0, 1, 2]) {
    catalog.clock.now += 1000;
    await catalog.push('a', nothing(n), { tags: [`v${n}`] });
  }
  const repository = await catalog.repository('a');
  const page = (last: string, at?: number) =>
    describeTags(catalog, repository, { order: 'newest', last, at, limit: 1 });
  const [first] = await page('');
  await deleteTag(catalog, repository, first!.name);
  expect((await page(first!.name, first!.updatedAt))[0]!.name).toBe('v1');
  // Who knows the name alone begins again, and misses nothing.
  expect((await page(first!.name))[0]!.name).toBe('v1');
});

test('tags of one manifest come by name; a page of manifests with many tags is short, and says that it goes on', async () => {
  await using catalog = await openTestCatalog();
  const names = Array.from({ length: 1000 }, (_, n) => `t${String(n).padStart(4, '0')}`);
  let digest: Digest | undefined;
  for (let n = 0; n < 11; n++)
    ({ digest } = await catalog.push('a', nothing(n), { tags: names.map((name) => `${n}-${name}`) }));
  const repository = await catalog.repository('a');
  const of = await describeTagsOf(catalog, repository, digest!, { last: '10-t0500', limit: 2 });
  expect(of.map(({ name }) => name)).toEqual(['10-t0501', '10-t0502']);
  const page = await describeManifests(catalog, repository, { order: 'name', last: '', limit: 11 });
  expect([page.manifests.length, page.more]).toEqual([10, true]);
  const last = page.manifests.at(-1)!.digest;
  const rest = await describeManifests(catalog, repository, { order: 'name', last, limit: 11 });
  expect([rest.manifests.length, rest.more]).toEqual([1, false]);
  expect(rest.manifests[0]!.tags).toHaveLength(1000);
});

test('a page of many manifests lets others be served while it is read', async () => {
  await using catalog = await openTestCatalog();
  await pushMany(catalog, 'a', 120);
  let turns = 0;
  const turn = () => {
    turns++;
    next = setImmediate(turn);
  };
  let next = setImmediate(turn);
  try {
    const position = { order: 'name', last: '', limit: 1000 } as const;
    expect((await describeManifests(catalog, await catalog.repository('a'), position)).manifests).toHaveLength(120);
  } finally {
    clearImmediate(next);
  }
  expect(turns).toBeGreaterThan(10);
});
