import { expect, test } from 'bun:test';
import { shareRepositoryIds } from './share-repository-ids.ts';
import { recording } from './statements.double.ts';
import { openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

/** Look-ups of a catalog, and the statements that they send. */
function watch(catalog: TestCatalog) {
  const statements: string[] = [];
  const db = recording(catalog.db, ({ text }) => void statements.push(text));
  return { statements, idsOf: shareRepositoryIds({ ...catalog, db }) };
}

test('who asks in one turn shares one statement for each registry, and gets what they asked for', async () => {
  await using catalog = await openTestCatalog();
  const other = await catalog.registry('other');
  for (const name of ['a', 'b']) await catalog.blob(name, '{}');
  await other.blob('a', '{}');
  const { statements, idsOf } = watch(catalog);
  const found = await Promise.all([
    idsOf(catalog.registryId, ['a']),
    idsOf(catalog.registryId, ['b', 'missing']),
    idsOf(other.registryId, ['a', 'b']),
    idsOf(catalog.registryId, ['a']),
  ]);
  expect(statements).toHaveLength(2);
  const idOf = async ({ repository }: TestCatalog, name: string) => (await repository(name)).id;
  expect(found[0].get('a')).toBe(await idOf(catalog, 'a'));
  expect(found[1].get('b')).toBe(await idOf(catalog, 'b'));
  expect(found[1].get('missing')).toBeUndefined();
  expect([...found[2]]).toEqual([['a', await idOf(other, 'a')]]);
  expect(found[3]).toBe(found[0]);
});

test('nobody hears of what was before they asked', async () => {
  await using catalog = await openTestCatalog();
  const { idsOf } = watch(catalog);
  expect((await idsOf(catalog.registryId, ['a'])).size).toBe(0);
  await catalog.blob('a', '{}');
  expect((await idsOf(catalog.registryId, ['a'])).size).toBe(1);
});

test('all who share a look-up are told that it failed, and the next one is another', async () => {
  await using catalog = await openTestCatalog();
  await catalog.blob('a', '{}');
  let fails = true;
  const first: TestCatalog['db']['first'] = (...statement) =>
    fails ? Promise.reject(new Error('away')) : catalog.db.first(...statement);
  const idsOf = shareRepositoryIds({ ...catalog, db: { ...catalog.db, first } });
  const told = await Promise.allSettled([idsOf(catalog.registryId, ['a']), idsOf(catalog.registryId, ['a'])]);
  expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fails = false;
  expect((await idsOf(catalog.registryId, ['a'])).size).toBe(1);
});
