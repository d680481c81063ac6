import { describe, expect, test } from 'bun:test';
import { createPullCounter, type PullCounter } from './count-pulls.ts';
import { deleteManifest } from './delete-manifest.ts';
import { pullsOf } from './pulls.ts';
import { dayOf, regionPullsOf } from './region-pulls.ts';
import { deleteTag } from './tags.ts';
import { collectAfter, day, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

const from = (catalog: TestCatalog, address = '192.0.2.1') => ({
  registryId: catalog.registryId,
  address: () => address,
});

async function open(regionOf?: (address: string) => string | undefined) {
  const catalog = await openTestCatalog();
  const config = await catalog.blob('a', '{}');
  const { digest } = await catalog.push('a', catalog.image([config]), { tags: ['v1', 'v2'] });
  const repository = await catalog.repository('a');
  const counter = createPullCounter(catalog, regionOf);
  const pull = (tag?: string, address?: string) => counter.pulled(from(catalog, address), repository.id, digest, tag);
  const counts = async () => {
    const found = await pullsOf(catalog, repository, [digest, 'v1', 'v2']);
    return [digest, 'v1', 'v2'].map((reference) => found.get(reference)?.pulls ?? 0);
  };
  return {
    catalog,
    counter,
    digest,
    repository,
    pull,
    counts,
    [Symbol.asyncDispose]: () => catalog[Symbol.asyncDispose](),
  };
}

describe('pulls', () => {
  test('are counted for the manifest, and for the tag by which it was asked for; when was the last', async () => {
    await using rig = await open();
    const { catalog, counter, digest, repository, pull, counts } = rig;
    for (const tag of ['v1', 'v1', 'v2', undefined]) pull(tag);
    expect(await counts()).toEqual([0, 0, 0]);
    await counter.write();
    expect(await counts()).toEqual([4, 2, 1]);
    const first = catalog.clock.now;
    catalog.clock.now += 60_000;
    pull('v2');
    await counter.write();
    expect(await pullsOf(catalog, repository, [digest, 'v1', 'v2', 'v3'])).toEqual(
      new Map([
        [digest, { pulls: 5, lastPullAt: first + 60_000 }],
        ['v1', { pulls: 2, lastPullAt: first }],
        ['v2', { pulls: 2, lastPullAt: first + 60_000 }],
      ]),
    );
  });

  test('of several processes add up, whichever writes last', async () => {
    await using rig = await open();
    const { catalog, counter, digest, repository, pull } = rig;
    const other = createPullCounter(catalog);
    other.pulled(from(catalog), repository.id, digest, 'v1');
    catalog.clock.now += 1000;
    pull('v1');
    await Promise.all([counter.write(), other.write()]);
    const found = await pullsOf(catalog, repository, [digest]);
    expect(found.get(digest)).toEqual({ pulls: 2, lastPullAt: catalog.clock.now });
  });

  test('are told of by the time of the last one, also after a clock that was a year ahead', async () => {
    await using rig = await open();
    const { catalog, counter, digest, repository, pull } = rig;
    const last = async () => (await pullsOf(catalog, repository, [digest])).get(digest);
    catalog.clock.now += 365 * day;
    pull();
    await counter.write();
    catalog.clock.now -= 365 * day;
    const right = catalog.clock.now;
    pull();
    await counter.write();
    expect(await last()).toEqual({ pulls: 2, lastPullAt: right });
    // What another process has counted before, and writes later, is no news.
    catalog.clock.now -= 60_000;
    pull();
    await counter.write();
    expect(await last()).toEqual({ pulls: 3, lastPullAt: right });
  });

  test('by a digest that a client was just told for a tag count for the tag, once; a look alone does not', async () => {
    await using rig = await open();
    const { catalog, counter, digest, repository, pull, counts } = rig;
    const told = (tag: string, address?: string) =>
      counter.resolved(from(catalog, address), repository.id, digest, tag);
    told('v1');
    told('v2', '192.0.2.2');
    pull(undefined);
    pull(undefined);
    await counter.write();
    expect(await counts()).toEqual([2, 1, 0]);
    // Too late.
    catalog.clock.now += 61_000;
    pull(undefined, '192.0.2.2');
    await counter.write();
    expect(await counts()).toEqual([3, 1, 0]);
  });

  test('are gone with what they are of, also where they were not written by then', async () => {
    await using rig = await open();
    const { catalog, counter, digest, repository, pull, counts } = rig;
    pull('v1');
    pull('v2');
    await counter.write();
    pull('v1');
    await deleteTag(catalog, repository, 'v1');
    await counter.write();
    expect(await counts()).toEqual([3, 0, 1]);
    pull('v2');
    await deleteManifest(catalog, repository, digest);
    await counter.write();
    expect(await catalog.db.all('SELECT * FROM pulls', [])).toEqual([]);
  });

  test('that were written in the moment of a deletion go with the repository', async () => {
    await using rig = await open();
    const { catalog, digest, repository } = rig;
    await deleteManifest(catalog, repository, digest);
    await catalog.db.change(
      'INSERT INTO pulls (registry_id, repository_id, reference, last_pull_at, pulls) VALUES (1, ?, ?, 1, 1) RETURNING pulls',
      [repository.id, digest],
    );
    for (let days = 0; days < 4; days++) await collectAfter(catalog, day);
    expect(await catalog.count('repositories')).toBe(0);
    expect(await catalog.db.all('SELECT * FROM pulls', [])).toEqual([]);
  });

  test('that could not be written are written the next time, each once', async () => {
    await using rig = await open();
    const { catalog, digest, repository } = rig;
    const tags = Array.from({ length: 150 }, (_, n) => `t${n}`);
    const config = await catalog.blob('a', '{}');
    await catalog.push('a', catalog.image([config]), { tags });
    let left = 1;
    const { change } = catalog.db;
    const failing: typeof change = (...args) =>
      left-- > 0 ? change(...args) : Promise.reject(new Error('the database is away'));
    const counter = createPullCounter({ ...catalog, db: { ...catalog.db, change: failing } });
    const pulledAll = (to: PullCounter) => tags.forEach((tag) => to.pulled(from(catalog), repository.id, digest, tag));
    pulledAll(counter);
    await expect(counter.write()).rejects.toThrow('away');
    left = Infinity;
    await counter.write();
    const found = await pullsOf(catalog, repository, [digest, ...tags]);
    expect(tags.filter((tag) => found.get(tag)?.pulls !== 1)).toEqual([]);
    expect(found.get(digest)?.pulls).toBe(150);
  });

  test('of more references than are kept between two writes are not counted', async () => {
    await using rig = await open();
    const { catalog, counter, digest, repository, counts } = rig;
    for (let n = 0; n < 20_000; n++) counter.pulled(from(catalog), repository.id + 1 + n, digest, undefined);
    counter.pulled(from(catalog), repository.id, digest, 'v1');
    await counter.write();
    expect(await counts()).toEqual([0, 0, 0]);
    counter.pulled(from(catalog), repository.id, digest, 'v1');
    await counter.write();
    expect(await counts()).toEqual([1, 1, 0]);
  });

  test('written while manifests and tags are deleted: nobody waits for good, nothing is lost', async () => {
    await using rig = await open();
    const { catalog, repository } = rig;
    const config = await catalog.blob('a', '{}');
    for (let round = 0; round < 10; round++) {
      const pushed = await Promise.all(
        Array.from({ length: 4 }, (_, n) =>
          catalog.push('a', catalog.image([config], { annotations: { n: `${round} ${n}` } }), {
            tags: [`a${n}`, `b${n}`, `c${n}`],
          }),
        ),
      );
      const counters = Array.from({ length: 3 }, () => createPullCounter(catalog));
      for (const counter of counters)
        for (const [n, { digest }] of pushed.entries())
          for (const tag of ['c', 'a', 'b']) counter.pulled(from(catalog), repository.id, digest, `${tag}${n}`);
      await Promise.all([
        ...counters.map((counter) => counter.write()),
        ...pushed.slice(2).map(({ digest }) => deleteManifest(catalog, repository, digest)),
      ]);
      const kept = await pullsOf(catalog, repository, [pushed[0]!.digest]);
      expect(kept.get(pushed[0]!.digest)?.pulls).toBe(9);
    }
  });
});

test('pulls are counted by region and day, and forgotten after thirty', async () => {
  await using rig = await open((address) => (address === '192.0.2.9' ? undefined : `r${address.at(-1)}`));
  const { catalog, counter, pull } = rig;
  const of = (count: number) => regionPullsOf(catalog, catalog.registryId, { last: dayOf(catalog.clock.now), count });
  for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.2', '192.0.2.9']) pull('v1', address);
  await counter.write();
  catalog.clock.now += 6 * day;
  pull('v1', '192.0.2.1');
  await counter.write();
  expect(await of(6)).toEqual([{ region: 'r1', pulls: 1 }]);
  expect(await of(7)).toEqual([
    { region: 'r1', pulls: 2 },
    { region: 'r2', pulls: 2 },
  ]);
  catalog.clock.now += 25 * day;
  pull('v1', '192.0.2.1');
  await counter.write();
  expect((await catalog.db.all('SELECT day FROM region_pulls', [])).length).toBe(2);
});
