import { describe, expect, test } from 'bun:test';
import { readEvents, start } from '../events/index.ts';
import { findManifestFacts } from './find-manifest.ts';
import { deleteTag } from './tags.ts';
import { openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

async function push(catalog: TestCatalog, n: number, tags: string[], name = 'a') {
  const config = await catalog.blob(name, '{}');
  return (await catalog.push(name, catalog.image([config], { annotations: { n: `${n}` } }), { tags })).digest;
}

async function history(catalog: TestCatalog, tag: string) {
  const rows = await catalog.db.read
    .selectFrom('tag_history')
    .select('digest')
    .where('tag', '=', tag)
    .orderBy('id')
    .execute();
  return rows.map(({ digest }) => digest);
}

describe('a tag', () => {
  test('lesson 40: points to what was pushed last, and its history has every move', async () => {
    await using catalog = await openTestCatalog();
    const [first, second] = [await push(catalog, 1, ['v1']), await push(catalog, 2, ['v1'])];
    expect(await findManifestFacts(catalog, catalog.registryId, 'a', { tag: 'v1' })).toMatchObject({ digest: second });
    await push(catalog, 2, ['v1']);
    await push(catalog, 1, ['v1']);
    await deleteTag(catalog, await catalog.repository('a'), 'v1');
    await push(catalog, 2, ['v1']);
    expect(await history(catalog, 'v1')).toEqual([first, second, first, null, second]);
    expect(await catalog.has('a', first)).toBe(true);
  });

  test('tells its subscribers where it was and where it went', async () => {
    await using catalog = await openTestCatalog();
    const [first, second] = [await push(catalog, 1, ['v1']), await push(catalog, 2, ['v1'])];
    await deleteTag(catalog, await catalog.repository('a'), 'v1');
    const events = await readEvents(catalog.db, start, 100);
    expect(events.filter(({ type }) => type.startsWith('tag.')).map(({ type, data }) => [type, data])).toEqual([
      ['tag.moved', { repository: 'a', tag: 'v1', digest: first, previous: null }],
      ['tag.moved', { repository: 'a', tag: 'v1', digest: second, previous: first }],
      ['tag.deleted', { repository: 'a', tag: 'v1', digest: null, previous: second }],
    ]);
  });

  test('that comes several times in one push is moved once', async () => {
    await using catalog = await openTestCatalog();
    const digest = await push(catalog, 1, ['b', 'a', 'b']);
    expect(await history(catalog, 'b')).toEqual([digest]);
    expect(await catalog.count('tags')).toBe(2);
  });

  test('is told from the same tag elsewhere, and from itself in another case', async () => {
    await using catalog = await openTestCatalog();
    const [lower, upper] = [await push(catalog, 1, ['v1']), await push(catalog, 2, ['V1'])];
    const there = await push(catalog, 3, ['v1'], 'b');
    const find = async (name: string, tag: string) => findManifestFacts(catalog, catalog.registryId, name, { tag });
    expect([(await find('a', 'v1'))?.digest, (await find('a', 'V1'))?.digest, (await find('b', 'v1'))?.digest]).toEqual(
      [lower, upper, there],
    );
  });
});
