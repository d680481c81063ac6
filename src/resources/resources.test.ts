import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { eventMigrations, readEvents, start } from '../events/index.ts';
import { groupScope } from '../operations/index.ts';
import { createResources, resourceMigrations, type Resources } from './index.ts';

let db: TestDatabase;
let resources: Resources;
let now = 1000;

beforeEach(async () => {
  db = await openTestDatabase([...eventMigrations, ...resourceMigrations]);
  now = 1000;
  resources = createResources(db, { now: () => now });
});
afterEach(() => db[Symbol.asyncDispose]());

const type = 'Microsoft.ContainerRegistry/registries';
const registry = `${groupScope}/providers/${type}/Acme`;
const token = (name: string) => `${registry}/tokens/${name}`;
const by = 'tester';
const body = (n: number) => ({ location: 'here', properties: { n } });

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error: { managementCode?: string }) => error.managementCode,
  );

describe('a resource', () => {
  test('is found by its id in any case, and keeps the case of its first writer', async () => {
    const { resource, previous } = await resources.put(registry, body(1), { by });
    expect(previous).toBeUndefined();
    expect(await resources.get(registry.toUpperCase())).toEqual(resource);
    now = 2000;
    const again = await resources.put(registry.toLowerCase(), body(2), { by: 'other' });
    expect(again.previous).toEqual(resource);
    expect(again.resource).toMatchObject({
      id: registry,
      type,
      name: 'Acme',
      properties: { n: 2 },
      createdAt: 1000,
      updatedAt: 2000,
      createdBy: by,
      updatedBy: 'other',
    });
    expect(again.resource.etag).not.toBe(resource.etag);
  });

  test('that is written as it was changes nothing', async () => {
    const { resource } = await resources.put(registry, body(1), { by });
    const again = await resources.put(registry, body(1), { by });
    expect(again.resource).toEqual(resource);
    expect((await resources.clock()).value).toBe(resource.stamp);
  });

  test('has a parent where it is a child, and says which one is missing', async () => {
    expect(await code(resources.put(token('a'), body(1), { by }))).toBe('ParentResourceNotFound');
    await resources.put(registry, body(1), { by });
    expect(await code(resources.put(token('a'), body(1), { by }))).toBe('done');
    await resources.delete(registry, { by });
    expect(await code(resources.put(token('b'), body(1), { by }))).toBe('ParentResourceNotFound');
  });

  test('is bounded in size and in number', async () => {
    const large = { properties: { text: 'x'.repeat(65 * 1024) } };
    expect(await code(resources.put(registry, large, { by }))).toBe('InvalidRequestContent');
    await resources.put(registry, body(1), { by });
    for (const name of ['a', 'b']) await resources.put(token(name), body(1), { by, most: 2 });
    expect(await code(resources.put(token('c'), body(1), { by, most: 2 }))).toBe('QuotaExceeded');
    expect(await code(resources.put(token('a'), body(2), { by, most: 2 }))).toBe('done');
    await resources.delete(token('a'), { by });
    expect(await code(resources.put(token('c'), body(1), { by, most: 2 }))).toBe('done');
  });

  test('is not an id that is none', async () => {
    for (const id of ['', '/', 'x', '/subscriptions', `${groupScope}/providers/${type}`, `${registry}/\0`]) {
      expect(await code(resources.put(id, body(1), { by }))).toBe('InvalidResourceName');
      expect(await resources.get(id)).toBeUndefined();
    }
  });
});

describe('preconditions', () => {
  test('hold for every kind of write', async () => {
    expect(await code(resources.put(registry, body(1), { by, ifMatch: '*' }))).toBe('PreconditionFailed');
    const { resource } = await resources.put(registry, body(1), { by, ifNoneMatch: '*' });
    expect(await code(resources.put(registry, body(2), { by, ifNoneMatch: '*' }))).toBe('PreconditionFailed');
    expect(await code(resources.put(registry, body(2), { by, ifMatch: ['other'] }))).toBe('PreconditionFailed');
    expect(await code(resources.patch(registry, () => body(2), { by, ifMatch: ['other'] }))).toBe('PreconditionFailed');
    expect(await code(resources.delete(registry, { by, ifMatch: ['other'] }))).toBe('PreconditionFailed');
    expect(await resources.get(registry)).toEqual(resource);
    const { resource: next } = await resources.put(registry, body(2), { by, ifMatch: ['other', resource.etag] });
    const patched = await resources.patch(registry, ({ properties }) => body((properties['n'] as number) + 1), {
      by,
      ifMatch: [next.etag],
    });
    expect(patched.resource.properties).toEqual({ n: 3 });
    expect(await code(resources.delete(registry, { by, ifMatch: '*' }))).toBe('done');
    expect(await code(resources.delete(registry, { by, ifMatch: '*' }))).toBe('PreconditionFailed');
  });

  test('of writers at the same moment let one through', async () => {
    const { resource } = await resources.put(registry, body(0), { by });
    const writes = [1, 2, 3, 4, 5].map((n) => code(resources.put(registry, body(n), { by, ifMatch: [resource.etag] })));
    expect((await Promise.all(writes)).filter((outcome) => outcome === 'done')).toEqual(['done']);
    const before = (await resources.get(registry))!.properties['n'] as number;
    const changes = Array.from({ length: 20 }, () =>
      resources.patch(registry, ({ properties }) => ({ properties: { n: (properties['n'] as number) + 1 } }), { by }),
    );
    await Promise.all(changes);
    expect((await resources.get(registry))!.properties).toEqual({ n: before + 20 });
  });

  test('a patch of nothing is a miss', async () => {
    expect(await code(resources.patch(registry, () => body(1), { by }))).toBe('ResourceNotFound');
  });
});

describe('a deletion', () => {
  const assignment = (scope: string) => `${scope}/providers/Microsoft.Authorization/roleAssignments/1`;
  const repository = `${registry}/repositories/team%2Fapp`;
  const near = `${registry}2`;

  test('takes along what lies below, and nothing beside it', async () => {
    const below = [token('a'), token('b'), assignment(registry), assignment(token('a')), assignment(repository)];
    for (const id of [registry, near, ...below, assignment(near), assignment(groupScope)]) {
      await resources.put(id, body(1), { by });
    }
    expect(await code(resources.delete(registry, { by, cascade: false }))).toBe('ResourceInUse');
    const gone = await resources.delete(registry, { by });
    expect(gone!.map(({ id }) => id).toSorted()).toEqual([registry, ...below].toSorted());
    expect(gone!.at(-1)!.id).toBe(registry);
    for (const id of [registry, ...below]) expect(await resources.get(id)).toBeUndefined();
    for (const id of [near, assignment(near), assignment(groupScope)]) expect(await resources.get(id)).toBeDefined();
    expect(await resources.delete(registry, { by })).toBeUndefined();
  });

  test('is followed by another resource of the same name, without its children', async () => {
    const first = await resources.put(registry, body(1), { by });
    await resources.put(token('a'), body(1), { by });
    await resources.delete(registry, { by, cascade: true });
    now = 5000;
    const second = await resources.put(registry, body(1), { by });
    expect(second).toMatchObject({ previous: undefined, resource: { createdAt: 5000 } });
    expect(second.resource.etag).not.toBe(first.resource.etag);
    expect((await resources.list({ type: `${type}/tokens`, parent: registry })).resources).toEqual([]);
  });
});

test('lists go on after the last key, of a parent or of all', async () => {
  const other = `${groupScope}/providers/${type}/Other`;
  for (const id of [registry, other]) await resources.put(id, body(1), { by });
  const names = Array.from({ length: 250 }, (_, n) => `t${String(n).padStart(3, '0')}`);
  await db.write(async (tx) => {
    for (const name of names) await resources.put(token(name), body(1), { by, tx });
    await resources.put(`${other}/tokens/t999`, body(1), { by, tx });
  });
  const pages = async (parent?: string) => {
    const seen: string[][] = [];
    for (let after: string | undefined = ''; after !== undefined;) {
      const page = await resources.list({ type: `${type}/TOKENS`, parent, after });
      seen.push(page.resources.map(({ name }) => name));
      after = page.after;
    }
    return seen;
  };
  const own = await pages(registry.toUpperCase());
  expect(own.map(({ length }) => length)).toEqual([100, 100, 50]);
  expect(own.flat()).toEqual(names);
  expect((await pages()).flat()).toEqual([...names, 't999']);
});

test('each write appends its event in its own transaction, and the caller’s decides about all', async () => {
  await resources.put(registry, body(1), { by, registryId: 7 });
  await resources.put(registry, body(1), { by });
  await resources.delete(registry, { by });
  const events = await readEvents(db, start, 10);
  expect(events.map(({ type: what, registryId, data }) => ({ what, registryId, data }))).toEqual([
    { what: 'resource.written', registryId: 7, data: { id: registry, resourceType: type.toLowerCase(), by } },
    { what: 'resource.deleted', registryId: 0, data: { id: registry, resourceType: type.toLowerCase(), by } },
  ]);
  const undone = db.write(async (tx) => {
    await resources.put(registry, body(1), { by, tx });
    expect(await resources.get(registry, tx)).toBeDefined();
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await resources.get(registry)).toBeUndefined();
  expect(await readEvents(db, start, 10)).toHaveLength(2);
});

describe('changes', () => {
  test('are read in order, of each resource the latest, deletions too', async () => {
    await resources.put(registry, body(1), { by });
    await resources.put(token('a'), body(1), { by });
    await resources.put(token('b'), body(1), { by });
    await resources.delete(token('a'), { by });
    await resources.put(registry, body(2), { by });
    const all = await resources.changesSince(0, 10);
    expect(all.map(({ resource, deleted }) => [resource.name, deleted])).toEqual([
      ['b', false],
      ['a', true],
      ['Acme', false],
    ]);
    expect(all.map(({ stamp }) => stamp)).toEqual([3, 4, 5]);
    expect((await resources.changesSince(3, 1)).map(({ stamp }) => stamp)).toEqual([4]);
    expect(await resources.changesSince(5, 10)).toEqual([]);
  });

  test('of transactions at the same time have stamps in the order of commits', async () => {
    const seen: number[] = [];
    const inside = Promise.withResolvers<void>();
    const held = db.write(async (tx) => {
      await resources.put(`${registry}-slow`, body(1), { by, tx });
      inside.resolve();
      // Others have begun meanwhile, and wait.
      for (let n = 0; n < 20; n++) await tx.first('SELECT value FROM resource_clock', []);
    });
    await inside.promise;
    const others = Array.from({ length: 10 }, async (_, n) => {
      const { resource } = await resources.put(`${registry}-${n}`, body(1), { by });
      // Whoever reads now sees no stamp below this one for the first time later.
      const stamps = (await resources.changesSince(0, 100)).map(({ stamp }) => stamp);
      expect(stamps).toEqual(Array.from({ length: stamps.length }, (__, at) => at + 1));
      seen.push(resource.stamp);
    });
    await Promise.all([held, ...others]);
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, n) => n + 2));
  });

  test('of deletions are forgotten in time, and the clock says how many', async () => {
    for (const name of ['a', 'b']) await resources.put(`${registry}-${name}`, body(1), { by });
    await resources.delete(`${registry}-a`, { by });
    now = 9000;
    await resources.delete(`${registry}-b`, { by });
    expect(await resources.trimTombstones(1000)).toBe(0);
    expect(await resources.trimTombstones(9000)).toBe(1);
    expect(await resources.clock()).toEqual({ value: 4, trimmed: 3 });
    expect((await resources.changesSince(0, 10)).map(({ stamp }) => stamp)).toEqual([4]);
  });
});
