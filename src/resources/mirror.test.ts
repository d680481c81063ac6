import { afterEach, beforeEach, expect, test } from 'bun:test';
import fc from 'fast-check';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { eventMigrations } from '../events/index.ts';
import { groupScope } from '../operations/index.ts';
import { createMirror, createResources, type Mirror, resourceMigrations, type Resources } from './index.ts';

let db: TestDatabase;

beforeEach(async () => {
  db = await openTestDatabase([...eventMigrations, ...resourceMigrations]);
});
afterEach(() => db[Symbol.asyncDispose]());

const runs = Number(process.env['BONDED_TEST_RUNS'] ?? 20);
const by = 'tester';
const registries = 'Microsoft.ContainerRegistry/registries';
const types = [registries, `${registries}/tokens`];
const registry = (name: string) => `${groupScope}/providers/${registries}/${name}`;
const body = (n: number) => ({ properties: { n } });
const open = (database = db, now = () => 0) => createResources(database, { now });

/** All that a mirror of these types must hold. */
async function stored(resources: Resources) {
  const pages = await Promise.all(types.map((type) => resources.list({ type })));
  return pages.flatMap((page) => page.resources);
}

const contents = (mirror: Mirror) => types.flatMap((type) => mirror.list(type));

/** Names are few, so that writes meet. */
const write = fc.record({
  writer: fc.constantFrom(0, 1),
  kind: fc.constantFrom('put', 'put', 'put', 'patch', 'delete', 'trim', 'refresh', 'load'),
  registry: fc.constantFrom('A', 'B'),
  token: fc.constantFrom(undefined, 'x', 'y'),
  other: fc.boolean(),
  n: fc.nat(3),
});

test('after any history of two writers each of their mirrors is the table', async () => {
  let time = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(write, { maxLength: 40 }), async (history) => {
      const writers = [open(db, () => ++time), open(db, () => ++time)];
      const mirrors = await Promise.all(writers.map((resources) => createMirror(resources, types)));
      for (const { writer, kind, registry: name, token, other, n } of history) {
        const resources = writers[writer]!;
        const id = `${registry(name)}${token === undefined ? '' : `/${other ? 'webhooks' : 'tokens'}/${token}`}`;
        const refused = () => {};
        if (kind === 'put') await resources.put(id, body(n), { by }).catch(refused);
        if (kind === 'patch') await resources.patch(id, () => body(n), { by }).catch(refused);
        if (kind === 'delete') await resources.delete(id, { by });
        if (kind === 'trim') await resources.trimTombstones(time + 1, 1 + n);
        if (kind === 'refresh') await mirrors[writer]!.refresh();
        if (kind === 'load') mirrors[writer] = await createMirror(resources, types);
      }
      await Promise.all(mirrors.map((mirror) => mirror.refresh()));
      const expected = await stored(writers[0]!);
      for (const mirror of mirrors) {
        expect(contents(mirror)).toEqual(expected);
        expect(contents(mirror).every((one) => mirror.get(one.id.toUpperCase()) === one)).toBe(true);
        for (const parent of ['A', 'B'].map(registry)) {
          const { resources: own } = await writers[0]!.list({ type: types[1]!, parent });
          expect(mirror.list(types[1]!, parent)).toEqual(own);
        }
      }
    }),
    { numRuns: runs },
  );
}, 120_000);

test('a look at what did not change is one statement', async () => {
  let statements = 0;
  const counted = {
    ...db,
    first: ((text, parameters) => {
      statements++;
      return db.first(text, parameters);
    }) as typeof db.first,
    all: ((text, parameters) => {
      statements++;
      return db.all(text, parameters);
    }) as typeof db.all,
  };
  const mirror = await createMirror(open(counted), types);
  statements = 0;
  expect(await mirror.refresh()).toBe(false);
  expect(statements).toBe(1);
  await open().put(registry('A'), body(1), { by });
  expect(await mirror.refresh()).toBe(true);
  expect(statements).toBe(3);
});

test('of what is in it everybody is told, also where the database went away in the middle of reading it', async () => {
  let asked = 0;
  let awayAt = Infinity;
  const flaky = {
    ...db,
    all: (async (text, parameters) => {
      if (text.includes('stamp > ?') && ++asked >= awayAt) throw new Error('away');
      return db.all(text, parameters);
    }) as typeof db.all,
  };
  const resources = open();
  const mirror = await createMirror(open(flaky), types);
  let told: string[] = [];
  mirror.onChange((changes) =>
    told.push(changes.length === 0 ? 'all' : changes.map((one) => one.resource.name).join()),
  );
  // More than are read at once.
  await db.write(async (tx) => {
    for (let n = 0; n < 501; n++) await resources.put(registry(`R${n}`), body(n), { by, tx });
  });
  [asked, awayAt] = [0, 2];
  await expect(mirror.refresh()).rejects.toThrow('away');
  expect(contents(mirror)).toHaveLength(500);
  awayAt = Infinity;
  expect([await mirror.refresh(), await mirror.refresh()]).toEqual([true, false]);
  expect(told.join().split(',')).toHaveLength(501);
  // It was so long away that all has to be read anew.
  await resources.delete(registry('R0'), { by });
  await resources.trimTombstones(1000);
  [asked, awayAt, told] = [0, 1, []];
  await expect(mirror.refresh()).rejects.toThrow('away');
  awayAt = Infinity;
  // Who goes by that has heard of nothing yet.
  expect(await mirror.refresh()).toBe(true);
  expect(await mirror.refresh()).toBe(false);
  expect(mirror.get(registry('R0'))).toBeUndefined();
  expect(told).toEqual(['all']);
});

test('what was committed before a call is there after it, whatever was being read', async () => {
  const resources = open();
  const mirror = await createMirror(resources, types);
  const rounds = Array.from({ length: 20 }, async (_, n) => {
    await resources.put(registry(`R${n}`), body(n), { by });
    await mirror.refresh();
    expect(mirror.get(registry(`r${n}`))?.properties).toEqual({ n });
  });
  await Promise.all(rounds);
});

test('who calls while another is reading does not get what that one saw before', async () => {
  const held = Promise.withResolvers<void>();
  const looked = Promise.withResolvers<void>();
  let holds = false;
  const slow = {
    ...db,
    first: (async (text, parameters) => {
      const row = await db.first(text, parameters);
      if (holds) {
        looked.resolve();
        await held.promise;
      }
      return row;
    }) as typeof db.first,
  };
  const mirror = await createMirror(open(slow), types);
  holds = true;
  const before = mirror.refresh();
  await looked.promise;
  await open().put(registry('A'), body(1), { by });
  const after = mirror.refresh();
  holds = false;
  held.resolve();
  expect(await before).toBe(false);
  expect(await after).toBe(true);
  expect(mirror.get(registry('A'))).toBeDefined();
});

test('listeners are told of what changed, and of nothing else', async () => {
  const resources = open();
  const mirror = await createMirror(resources, types);
  const told: [string, boolean][][] = [];
  const end = mirror.onChange((changes) => told.push(changes.map(({ resource, deleted }) => [resource.name, deleted])));
  await resources.put(registry('A'), body(1), { by });
  await resources.put(`${registry('A')}/webhooks/w`, body(1), { by });
  expect(await mirror.refresh()).toBe(true);
  await resources.put(`${registry('A')}/webhooks/w`, body(2), { by });
  expect(await mirror.refresh()).toBe(false);
  await resources.delete(registry('A'), { by });
  await mirror.refresh();
  end();
  await resources.put(registry('B'), body(1), { by });
  await mirror.refresh();
  expect(told).toEqual([[['A', false]], [['A', true]]]);
});

test('a clock that went backwards, and deletions that were forgotten, mean to read everything', async () => {
  const resources = open(db, () => 5);
  for (const name of ['A', 'B', 'C']) await resources.put(registry(name), body(1), { by });
  const mirror = await createMirror(resources, types);
  const told: number[] = [];
  mirror.onChange(({ length }) => told.push(length));

  await resources.delete(registry('A'), { by });
  await resources.put(registry('B'), body(2), { by });
  await resources.trimTombstones(6);
  expect(await mirror.refresh()).toBe(true);
  expect(contents(mirror)).toEqual(await stored(resources));

  // As a backup brings it.
  await db.write(async (tx) => {
    await tx.run('DELETE FROM resources WHERE "key" = ?', [registry('B').toLowerCase()]);
    await tx.run('UPDATE resource_clock SET value = ? WHERE id = 1', [1]);
  });
  expect(await mirror.refresh()).toBe(true);
  expect(mirror.stamp()).toBe(3);
  expect(contents(mirror).map(({ name }) => name)).toEqual(['C']);
  expect(told).toEqual([0, 0]);
});
