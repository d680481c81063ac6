import { expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { openTestDatabase } from '../../test/support/database.ts';
import { issuerId, openPeople, registryScope } from '../../test/support/people.ts';
import { eventMigrations } from '../events/index.ts';
import { ensureRegistryResource, registryType } from '../registries/index.ts';
import { createMirror, createResources, resourceMigrations } from '../resources/index.ts';
import { identityTypes } from './contract.ts';
import type { Directory } from './directory.ts';
import { readDirectory } from './read-directory.ts';

const standing = { assignments: [], issuers: [], identities: [], credentials: [] };

async function open() {
  const db = await openTestDatabase([...eventMigrations, ...resourceMigrations]);
  const clock = { now: 1000 };
  const resources = createResources(db, { now: () => clock.now });
  await ensureRegistryResource(resources, 'default');
  await ensureRegistryResource(resources, 'other');
  const types = [registryType, ...identityTypes].map(({ type }) => type);
  const mirror = await createMirror(resources, types);
  const ids = new Map([
    ['default', 1],
    ['other', 2],
  ]);
  const people = await openPeople({ resources, refresh: async () => void (await mirror.refresh()) });
  return {
    people,
    clock,
    read: (before?: Directory) => readDirectory(mirror, ids, standing, before),
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  };
}

test('what a resource says wrongly counts as not said, and keeps nothing else from working', async () => {
  await using rig = await open();
  const { people } = rig;
  const good = await people.identity('good');
  const odd = '/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/bonded/providers';
  await people.put(`${odd}/Microsoft.ManagedIdentity/userAssignedIdentities/bad`, { status: 'perhaps' });
  await people.put(`${odd}/Microsoft.ManagedIdentity/userAssignedIdentities/bad/federatedIdentityCredentials/main`, {});
  await people.put(issuerId('bad'), { issuer: 7 });
  await people.put(`${registryScope}/scopeMaps/bad`, {
    actions: ['repositories/*/everything', 'repositories/app/content/read'],
  });
  await people.put(`${registryScope}/tokens/bad`, { scopeMapId: `${registryScope}/scopeMaps/bad` });
  await people.put(`${registryScope}/providers/Microsoft.Authorization/roleDefinitions/${randomUUID()}`, {
    permissions: 1,
  });
  await people.assign('AcrPull', { principalType: 'Group', principalId: 'no-issuer' });
  await people.assign('AcrPull', { principalType: 'Claims', issuer: 'https://people.test' });
  await people.assign('no such role', good);
  const directory = rig.read();
  expect(directory.identity(good)).toMatchObject({ name: 'good', enabled: true });
  expect(directory.token(1, 'bad')?.grants).toEqual([{ repository: 'app', permissions: ['content/read'] }]);
  expect(directory.issuers.map(({ name }) => name)).toEqual(['people']);
});

test('a token may do what its scope map says, if that is of its registry and there', async () => {
  await using rig = await open();
  const { people } = rig;
  const other = registryScope.replace('/default', '/other');
  await people.put(`${other}/scopeMaps/theirs`, { actions: ['repositories/*/content/read'] });
  const maps = {
    elsewhere: `${other}/scopeMaps/theirs`,
    missing: `${registryScope}/scopeMaps/missing`,
    malformed: 'no id',
    odd: `${registryScope}/scopeMaps/__proto__`,
    system: `${registryScope}/scopeMaps/_repositories_pull`,
  };
  for (const [name, scopeMapId] of Object.entries(maps)) {
    await people.put(`${registryScope}/tokens/${name}`, { scopeMapId });
  }
  await people.token('Robot', ['repositories/app/content/read']);
  const directory = rig.read();
  for (const name of ['elsewhere', 'missing', 'malformed', 'odd']) expect(directory.token(1, name)?.grants).toEqual([]);
  expect(directory.token(1, 'system')?.grants).toEqual([{ repository: '*', permissions: ['content/read'] }]);
  expect(directory.token(1, 'rOBOT')?.grants).toEqual([{ repository: 'app', permissions: ['content/read'] }]);
  expect(directory.token(2, 'robot')).toBeUndefined();
});

test('an identity that is made anew is another one', async () => {
  await using rig = await open();
  const first = await rig.people.identity('again');
  await rig.people.remove(rig.people.identityId('again'));
  rig.clock.now += 1;
  const second = await rig.people.identity('again');
  expect(second).not.toBe(first);
  expect(second).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(rig.read().identity(first)).toBeUndefined();
});

test('who vouches is the same object until an issuer, an identity or a credential changes', async () => {
  await using rig = await open();
  const { people } = rig;
  const id = await people.identity('one');
  let before = rig.read();
  const expectSame = (same: boolean) => {
    const now = rig.read(before);
    expect(now.vouching === before.vouching).toBe(same);
    before = now;
  };
  expectSame(true);
  await people.assign('AcrPull', id);
  expectSame(true);
  expect(before.issuers[0]).toBe(rig.read(before).issuers[0]!);
  await people.token('robot', ['repositories/app/content/read']);
  expectSame(true);
  await people.identity('two');
  expectSame(false);
  await people.put(people.identityId('two'), { status: 'disabled' });
  expectSame(false);
  await people.trust({ clockSkewSeconds: 1 });
  expectSame(false);
  await people.remove(people.credentialId('one'));
  expectSame(false);
  expectSame(true);
});
