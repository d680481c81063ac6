import { describe, expect, test } from 'bun:test';
import { digestOf, mediaTypes } from '../oci/index.ts';
import { readEvents, start } from '../events/index.ts';
import { wholeRepository } from './attributes.ts';
import { type AttributeChange, changeAttributes } from './change-attributes.ts';
import { deleteManifest } from './delete-manifest.ts';
import { describeManifest } from './describe-manifests.ts';
import { listGarbage } from './garbage.ts';
import { deleteBlob } from './links.ts';
import { collectRetired, retireRegistry } from './registries.ts';
import { deleteTag } from './tags.ts';
import { collectAfter, day, nothing, openTestCatalog, refusal, type TestCatalog } from './test-catalog.double.ts';

const disallowed = { code: 'REGISTRY_DISALLOWED_OPERATION', status: 405 };
const kept: AttributeChange = { deleteEnabled: false };
const free: AttributeChange = { deleteEnabled: true };

async function change(catalog: TestCatalog, of: string, what: AttributeChange, by = 'somebody') {
  const repository = await catalog.repository('a');
  const subject = of === '' ? wholeRepository : { kind: of.includes(':') ? 'manifest' : 'tag', name: of };
  await changeAttributes(catalog, repository, subject as typeof wholeRepository, what, by);
}

const image = async (catalog: TestCatalog, more: object = {}, tags: string[] = []) =>
  catalog.push('a', catalog.image([await catalog.blob('a', '{}')], more), { tags });

/** What goes in so many days. */
async function collectFor(catalog: TestCatalog, days: number) {
  const total = { ...nothing };
  for (let n = 0; n < days; n++) {
    const gone = await collectAfter(catalog, day);
    for (const kind of Object.keys(total) as (keyof typeof total)[]) total[kind] += gone[kind];
  }
  return total;
}

describe('garbage collection', () => {
  test('leaves a referrer that is locked, and takes it once it is not', async () => {
    await using catalog = await openTestCatalog();
    const subject = await image(catalog);
    const signature = await image(catalog, { subject });
    await change(catalog, signature.digest, { ...kept, expiresAt: catalog.clock.now + 5 * day });
    await deleteManifest(catalog, await catalog.repository('a'), subject.digest);
    expect(await collectAfter(catalog, 2 * day)).toMatchObject({ manifests: 0 });
    expect(await catalog.has('a', signature.digest)).toBe(true);
    // Nobody has to tell the collector that a lock is over.
    catalog.clock.now += 3 * day;
    expect(await collectAfter(catalog, 2 * day)).toMatchObject({ manifests: 1 });
  });

  test.each([kept, { writeEnabled: false }])('takes nothing from a repository that has %j', async (lock) => {
    await using catalog = await openTestCatalog();
    const subject = await image(catalog);
    const signature = await image(catalog, { subject });
    const { digest } = await catalog.blob('a', 'left over');
    await deleteManifest(catalog, await catalog.repository('a'), subject.digest);
    // Elsewhere nobody keeps it; with the link that is kept, the blob stays.
    await catalog.blob('b', 'left over');
    await change(catalog, '', lock);
    catalog.clock.now += 2 * day;
    const told = await Array.fromAsync(listGarbage(catalog));
    expect(told).toMatchObject([{ kind: 'link', repository: 'b', digest }]);
    expect(await collectAfter(catalog, 0)).toEqual({ ...nothing, links: 1 });
    expect(await collectAfter(catalog, 2 * day)).toEqual(nothing);
    expect(await catalog.hasBlob('a', digest)).toBe(true);
    expect(await refusal(deleteBlob(catalog, await catalog.repository('a'), digest))).toMatchObject(disallowed);
    await change(catalog, '', { deleteEnabled: true, writeEnabled: true });
    expect(await collectFor(catalog, 5)).toMatchObject({ manifests: 1, links: 2 });
    expect(await catalog.has('a', signature.digest)).toBe(false);
  });

  test('leaves a repository that is locked though nothing is left in it', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await image(catalog);
    await deleteManifest(catalog, await catalog.repository('a'), digest);
    await deleteBlob(catalog, await catalog.repository('a'), digestOf('{}'));
    await change(catalog, '', kept);
    expect(await collectFor(catalog, 5)).toMatchObject({ repositories: 0 });
    await change(catalog, '', free);
    expect(await collectFor(catalog, 5)).toMatchObject({ repositories: 1 });
    expect(await catalog.db.all('SELECT name FROM locks', [])).toEqual([]);
  });

  test('takes all of a registry that was deleted, whatever is locked in it', async () => {
    await using catalog = await openTestCatalog();
    const other = await catalog.registry('other');
    const { digest } = await image(other, {}, ['v1']);
    for (const of of ['v1', digest, '']) await change(other, of, { writeEnabled: false, listEnabled: false });
    await catalog.db.write((tx) => retireRegistry(tx, 'other'));
    while (await collectRetired(catalog));
    await collectFor(catalog, 5);
    await collectRetired(catalog);
    for (const table of ['manifests', 'tags', 'blob_links', 'repositories'] as const)
      expect([table, await catalog.count(table)]).toEqual([table, 0]);
    expect(await catalog.db.all('SELECT name FROM locks', [])).toEqual([]);
  });
});

test('of more tags than go at once, one that is locked keeps all of them, and the manifest', async () => {
  await using catalog = await openTestCatalog();
  const tags = Array.from({ length: 1200 }, (_, n) => `t${`${n}`.padStart(4, '0')}`);
  const { digest } = await image(catalog, {}, tags);
  await change(catalog, tags.at(-1)!, kept);
  const repository = await catalog.repository('a');
  expect(await refusal(deleteManifest(catalog, repository, digest))).toMatchObject(disallowed);
  expect(await catalog.count('tags')).toBe(1200);
  await change(catalog, tags.at(-1)!, free);
  await deleteManifest(catalog, repository, digest);
  expect(await catalog.count('tags')).toBe(0);
});

test('a manifest that must not be written to is pushed again only as it is', async () => {
  await using catalog = await openTestCatalog();
  const config = await catalog.blob('a', '{}');
  // Without a type of its own it is whatever it is pushed as.
  const json = { schemaVersion: 2, config, layers: [] };
  const { digest } = await catalog.push('a', json, { mediaType: mediaTypes.ociManifest });
  await change(catalog, digest, { writeEnabled: false });
  await catalog.push('a', json, { mediaType: mediaTypes.ociManifest, tags: ['v1'] });
  const other = catalog.push('a', json, { mediaType: mediaTypes.dockerManifest, tags: ['v2'] });
  expect(await refusal(other)).toMatchObject({ ...disallowed, detail: { level: 'manifest', name: digest } });
  const described = await describeManifest(catalog, await catalog.repository('a'), digest);
  expect(described).toMatchObject({ mediaType: mediaTypes.ociManifest, tags: ['v1'] });
});

test('the owner is whoever changed the lock last, and a change that changes nothing is none', async () => {
  await using catalog = await openTestCatalog();
  const { digest } = await image(catalog, {}, ['v1']);
  const owner = async () => {
    const described = await describeManifest(catalog, await catalog.repository('a'), digest);
    return described!.attributes.lock?.owner;
  };
  await change(catalog, digest, { ...kept, reason: 'r' }, 'one');
  expect(await owner()).toBe('one');
  await change(catalog, digest, { ...kept, reason: 'r' }, 'two');
  expect(await owner()).toBe('one');
  await change(catalog, digest, { reason: 'other' }, 'two');
  expect(await owner()).toBe('two');
  await change(catalog, digest, free, 'three');
  expect(await owner()).toBeUndefined();
  const events = await readEvents(catalog.db, start, 100);
  const changes = events.filter(({ type }) => type === 'attributes.changed').map(({ data }) => data);
  expect(changes.map(({ by }) => by)).toEqual(['one', 'two', 'three']);
  expect(changes[0]).toMatchObject({ repository: 'a', level: 'manifest', name: digest, deleteEnabled: false });
});

test('a refusal reads nothing of others: each repository has locks of its own', async () => {
  await using catalog = await openTestCatalog();
  const { digest } = await image(catalog, {}, ['v1']);
  await catalog.blob('b', '{}');
  const config = await catalog.blob('b', '{}');
  await catalog.push('b', catalog.image([config]), { tags: ['v1'] });
  for (const of of ['v1', digest, '']) await change(catalog, of, { writeEnabled: false });
  const other = await catalog.repository('b');
  await catalog.push('b', catalog.image([config], { annotations: { n: '2' } }), { tags: ['v1'] });
  await deleteTag(catalog, other, 'v1');
  await deleteManifest(catalog, other, digest);
});
