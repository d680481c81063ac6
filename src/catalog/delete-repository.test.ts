import { expect, test } from 'bun:test';
import { type Digest, digestOf, mediaTypes } from '../oci/index.ts';
import { checkCatalog } from './check.ts';
import { deleteRepository } from './delete-repository.ts';
import { findListedRepository } from './describe-repository.ts';
import { describeManifests } from './describe-manifests.ts';
import { describeTags } from './describe-tags.ts';
import { mountBlob } from './links.ts';
import { listRepositories } from './repositories.ts';
import { emptyRetired, retireRepository } from './retire-repository.ts';
import {
  collectAfter,
  countingWrites,
  day,
  openTestCatalog,
  refusal,
  type TestCatalog,
} from './test-catalog.double.ts';

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

async function expectNothing(catalog: TestCatalog): Promise<void> {
  // Manifests, then what they held, then the repository itself: marked, and gone when it stayed empty.
  for (let days = 0; days < 4; days++) {
    while (await emptyRetired(catalog));
    await collectAfter(catalog, day);
  }
  for (const table of ['manifests', 'manifest_references', 'tags', 'blob_links', 'repositories'] as const)
    expect([table, await catalog.count(table)]).toEqual([table, 0]);
}

test('a repository is deleted whatever its manifests hold of each other, in small transactions, and says what went', async () => {
  await using catalog = await openTestCatalog();
  const image = await catalog.push('a', catalog.image([await catalog.blob('a', '{}')]), { tags: ['image'] });
  await catalog.push(
    'a',
    { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [image] },
    { tags: ['index'] },
  );
  await catalog.push('a', { ...nothing(0), subject: image });
  const digests = await pushMany(catalog, 'a', 250);
  const many = Array.from({ length: 600 }, (_, n) => `many${n}`);
  await catalog.push('a', nothing(0), { tags: many });
  const { catalog: counted, writes } = countingWrites(catalog);
  const gone = { manifests: new Set<string>(), tags: new Set<string>() };
  await deleteRepository(counted, await catalog.repository('a'), {
    manifest: (digest) => void gone.manifests.add(digest),
    tags: (names) => names.forEach((name) => gone.tags.add(name)),
  });
  expect(gone.manifests.size).toBe(253);
  expect([...gone.manifests]).toEqual(expect.arrayContaining(digests));
  expect(gone.tags.size).toBe(2 + 250 + 600);
  expect(Math.max(...writes.map(({ length }) => length))).toBeLessThan(2000);
  expect(await findListedRepository(catalog, catalog.registryId, 'a')).toBeUndefined();
  await expectNothing(catalog);
});

test('a deleted repository is gone at once, with its blobs, and a push makes another one', async () => {
  await using catalog = await openTestCatalog();
  const layer = await catalog.blob('a', 'layer');
  await catalog.push('a', catalog.image([await catalog.blob('a', '{}'), layer]), { tags: ['v1'] });
  const first = await catalog.repository('a');
  await deleteRepository(catalog, first);
  expect(await refusal(deleteRepository(catalog, first))).toMatchObject({ code: 'NAME_UNKNOWN', status: 404 });
  expect(await listRepositories(catalog, catalog.registryId, '', 10)).toEqual([]);
  expect(await catalog.hasBlob('a', layer.digest)).toBe(false);
  for (const from of ['a', undefined])
    expect(await mountBlob(catalog, catalog.registryId, 'b', layer.digest, from, () => true)).toBe(false);
  await catalog.push('a', nothing(1), { tags: ['v2'] });
  const second = await catalog.repository('a');
  expect(second.id).not.toBe(first.id);
  for (let days = 0; days < 4; days++) {
    while (await emptyRetired(catalog));
    await collectAfter(catalog, day);
  }
  expect(await catalog.count('repositories')).toBe(1);
  const tags = await describeTags(catalog, second, { order: 'name', last: '', limit: 10 });
  expect(tags.map(({ name }) => name)).toEqual(['v2']);
  await deleteRepository(catalog, second);
  await expectNothing(catalog);
});

test('what a request left that died, and what was pushed too late, is deleted in the background', async () => {
  await using catalog = await openTestCatalog();
  await pushMany(catalog, 'a', 120);
  const repository = await catalog.repository('a');
  await catalog.db.write((tx) => retireRepository(catalog, tx, repository));
  // A push that had found it before, and ends now.
  const at = catalog.clock.now;
  await catalog.db.write((tx) =>
    tx
      .insertInto('manifests')
      .values({
        registry_id: repository.registryId,
        repository_id: repository.id,
        digest: digestOf('late'),
        media_type: mediaTypes.ociIndex,
        kind: 'index',
        size: 2,
        pushed_at: at,
        bytes: new TextEncoder().encode('{}'),
      })
      .execute(),
  );
  expect(await findListedRepository(catalog, catalog.registryId, 'a')).toBeUndefined();
  // As long as a transaction may live, the request is left alone with it.
  expect(await emptyRetired(catalog)).toBe(false);
  await collectAfter(catalog, 599_000);
  expect(await catalog.count('manifests')).toBe(121);
  catalog.clock.now += 1000;
  while (await emptyRetired(catalog));
  expect(await catalog.count('manifests')).toBe(0);
  const told = await catalog.db.all<{ data: string }>(`SELECT data FROM events WHERE type = 'manifest.deleted'`, []);
  expect(new Set(told.map(({ data }) => (JSON.parse(data) as { repository: string }).repository))).toEqual(
    new Set(['a']),
  );
  await expectNothing(catalog);
});

test('one that cannot be emptied now keeps no other, and its turn comes again', async () => {
  let broken: number | undefined;
  await using catalog = await openTestCatalog({
    softDelete(registryId) {
      if (registryId === broken) throw new Error('broken');
      return undefined;
    },
  });
  const other = await catalog.registry('other');
  for (const of of [other, catalog]) {
    await of.push('a', nothing(1), { tags: ['v1'] });
    const repository = await of.repository('a');
    await catalog.db.write((tx) => retireRepository(of, tx, repository));
  }
  broken = other.registryId;
  catalog.clock.now += 600_000;
  await expect(emptyRetired(catalog)).rejects.toThrow('broken');
  while (await emptyRetired(catalog));
  expect(await catalog.count('manifests')).toBe(1);
  catalog.clock.now += 600_000;
  await expect(emptyRetired(catalog)).rejects.toThrow('broken');
  broken = undefined;
  catalog.clock.now += 600_000;
  while (await emptyRetired(catalog));
  await expectNothing(catalog);
});

test('what is pushed while a repository is deleted is in it, or in the next one, whole', async () => {
  await using catalog = await openTestCatalog();
  await pushMany(catalog, 'a', 60);
  let running = true;
  const pushes = (async () => {
    for (let n = 0; running; n = (n + 1) % 40) await catalog.push('a', nothing(n), { tags: [`v${n}`] });
  })();
  for (let times = 0; times < 5; times++) {
    const repository = await findListedRepository(catalog, catalog.registryId, 'a');
    if (repository) await deleteRepository(catalog, repository);
    await Bun.sleep(5);
  }
  running = false;
  await pushes;
  const { digest: last } = await catalog.push('a', nothing(-1), { tags: ['last'] });
  const repository = await catalog.repository('a');
  const { manifests } = await describeManifests(catalog, repository, { order: 'name', last: '', limit: 1000 });
  const tags = await describeTags(catalog, repository, { order: 'name', last: '', limit: 1000 });
  const there = new Set(manifests.map(({ digest }) => digest));
  expect(there.has(last)).toBe(true);
  // A tag never stands without its manifest.
  expect(tags.every(({ digest }) => there.has(digest))).toBe(true);
  expect(await listRepositories(catalog, catalog.registryId, '', 10)).toEqual(['a']);
  const findings: unknown[] = [];
  for await (const finding of checkCatalog(catalog, { repair: false })) findings.push(finding);
  expect(findings).toEqual([]);
  await deleteRepository(catalog, repository);
  await expectNothing(catalog);
});
