import { describe, expect, test } from 'bun:test';
import { openTestDatabase } from '../../test/support/database.ts';
import { eventMigrations } from '../events/index.ts';
import { createResources, resourceMigrations } from '../resources/index.ts';
import { ensureRegistryResource, factsOf, registryId, registryType } from './index.ts';

async function open() {
  const db = await openTestDatabase([...eventMigrations, ...resourceMigrations]);
  return { resources: createResources(db, { now: Date.now }), [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]() };
}

describe('the resource of a registry', () => {
  test('is made once, however many processes start, and is left as it was written', async () => {
    await using rig = await open();
    const { resources } = rig;
    await Promise.all(Array.from({ length: 8 }, () => ensureRegistryResource(resources, 'default')));
    const first = await resources.get(registryId('default'));
    expect(first).toMatchObject({ name: 'default', sku: { name: 'Premium' }, createdBy: 'configuration' });
    const change = (before: NonNullable<typeof first>) => ({
      ...before,
      properties: { ...before.properties, adminUserEnabled: true },
    });
    await resources.patch(registryId('default'), change, { by: 'test' });
    await ensureRegistryResource(resources, 'DEFAULT');
    expect((await resources.get(registryId('default')))?.properties).toMatchObject({ adminUserEnabled: true });
    expect((await resources.list({ type: registryType.type })).resources.length).toBe(1);
  });

  test('opens nothing by default', async () => {
    await using rig = await open();
    await ensureRegistryResource(rig.resources, 'default');
    const resource = (await rig.resources.get(registryId('default')))!;
    const facts = factsOf(resource, registryType.properties.parse(resource.properties), 7);
    expect(facts).toEqual({
      id: 7,
      name: 'default',
      resourceId: resource.id,
      tier: 'Premium',
      roleAssignmentMode: 'AbacRepositoryPermissions',
      adminUserEnabled: false,
      anonymousPullEnabled: false,
      anonymousPullRepositories: [],
      anonymousPull: [],
      mayExport: true,
      quarantines: false,
      searchesMetadata: false,
      tagMutability: expect.any(Function),
    });
    expect(facts.tagMutability('any')).toBeUndefined();
  });

  test('opens to everybody the repositories that it names, or all, and those for reading', async () => {
    await using rig = await open();
    await ensureRegistryResource(rig.resources, 'default');
    const resource = (await rig.resources.get(registryId('default')))!;
    const opened = (properties: object) =>
      factsOf(resource, registryType.properties.parse(properties), 1).anonymousPull.map(({ repository }) => repository);
    expect(opened({ anonymousPullRepositories: ['hello', 'team/*'] })).toEqual(['hello', 'team/*']);
    expect(opened({ anonymousPullEnabled: true, anonymousPullRepositories: ['hello'] })).toEqual(['*']);
    const { anonymousPull } = factsOf(resource, registryType.properties.parse({ anonymousPullEnabled: true }), 1);
    expect(anonymousPull).toEqual([{ repository: '*', permissions: ['content/read', 'metadata/read'] }]);
  });

  test.each(['**', 'team/**', '*/app', 'Team/*', 'a*', '', ' ', 'a/*/b', 'a'.repeat(300)])(
    'does not take %p for a repository',
    (pattern) => {
      expect(registryType.properties.safeParse({ anonymousPullRepositories: [pattern] }).success).toBe(false);
    },
  );
});
