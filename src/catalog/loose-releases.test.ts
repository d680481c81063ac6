import { expect, test } from 'bun:test';
import { changeAttributes } from './change-attributes.ts';
import { isRelease, looseReleases } from './loose-releases.ts';
import { addPulls } from './pulls.ts';
import { day, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

test.each(['1.2.3', 'v1.2.3', 'V10.20.30', '1.2.3.4', '2026.11.28', '1.2.3-alpine', 'v1.2.3-debian-12-r4', '1.2.3_1'])(
  '%s is named like a release',
  (tag) => expect(isRelease(tag)).toBe(true),
);
test.each(
  [
    ['latest', '1', '1.2', 'v2', 'main', 'sha256-abc', '1.2.3-rc1', '1.2.3-rc.1', 'v1.2.3-beta', '1.2.3-alpha.2'],
    ['1.2.3-SNAPSHOT', '1.2.3-dev', '1.2.3-nightly.20261128', 'x1.2.3', '1.2.3-', '1.2.3.4.5', '', 'a.b.c'],
  ].flat(),
)('%s is not', (tag) => expect(isRelease(tag)).toBe(false));

async function pull(catalog: TestCatalog, name: string, tags: readonly string[], at = catalog.clock.now) {
  const { id: repositoryId, registryId } = await catalog.repository(name);
  const pulled = tags.map((reference) => ({ registryId, repositoryId, reference, pulls: 1, lastPullAt: at }));
  await addPulls(
    catalog,
    pulled.toSorted((one, other) => (one.reference < other.reference ? -1 : 1)),
  );
}

async function push(catalog: TestCatalog, name: string, tags: readonly string[]) {
  const config = await catalog.blob(name, '{}');
  for (const tag of tags) {
    catalog.clock.now += 1000;
    await catalog.push(name, catalog.image([config], { annotations: { tag } }), { tags: [tag] });
  }
}

test('releases that are pulled and may be changed are found, the five newest of a repository', async () => {
  await using catalog = await openTestCatalog();
  const versions = Array.from({ length: 8 }, (_, n) => `1.0.${n}`);
  await push(catalog, 'a', ['latest', '1.0', ...versions]);
  await push(catalog, 'b', ['2.0.0', '2.0.1-rc1']);
  await push(catalog, 'c', ['3.0.0']);
  const loose = (most = 10) =>
    looseReleases(catalog, catalog.registryId, { since: catalog.clock.now - 30 * day, most });
  expect(await loose()).toEqual([]);
  await pull(catalog, 'a', ['latest', '1.0', ...versions]);
  await pull(catalog, 'b', ['2.0.0', '2.0.1-rc1'], catalog.clock.now - 31 * day);
  await pull(catalog, 'c', ['3.0.0']);
  const five = versions.slice(3).toReversed();
  const c = { repository: 'c', tags: ['3.0.0'] };
  expect(await loose()).toEqual([{ repository: 'a', tags: five }, c]);
  expect(await loose(1)).toEqual([{ repository: 'a', tags: five }]);

  const lock = async (name: string, tag: string, expiresAt?: number) =>
    changeAttributes(
      catalog,
      await catalog.repository(name),
      tag === '' ? { kind: 'repository', name: '' } : { kind: 'tag', name: tag },
      { writeEnabled: false, ...(expiresAt !== undefined && { expiresAt }) },
      'somebody',
    );
  await lock('a', '1.0.7');
  await lock('c', '', catalog.clock.now + day);
  // Older ones do not take the place of what is locked.
  expect(await loose()).toEqual([{ repository: 'a', tags: five.slice(1) }]);
  catalog.tagMutability = (_, name) => (name === 'a' ? { mode: 'IMMUTABLE', exclusions: [] } : undefined);
  expect(await loose()).toEqual([]);
  catalog.clock.now += 2 * day;
  expect(await loose()).toEqual([c]);
});

test('many repositories are looked at in turns, up to a bound', async () => {
  await using catalog = await openTestCatalog();
  const names = Array.from({ length: 60 }, (_, n) => `r${`${n}`.padStart(3, '0')}`);
  for (const name of names) {
    await push(catalog, name, ['1.0.0']);
    await pull(catalog, name, ['1.0.0']);
  }
  const loose = async (most: number) =>
    (await looseReleases(catalog, catalog.registryId, { since: 0, most })).map(({ repository }) => repository);
  expect(await loose(1000)).toEqual(names);
  expect(await loose(55)).toEqual(names.slice(0, 55));
});
