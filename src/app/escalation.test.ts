import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { fetch } from '../../test/http/fetch.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { bearer } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { decideManagement } from '../access/index.ts';
import { groupScope } from '../operations/index.ts';

let server: WatchedApp;
let operator: ReturnType<typeof managementOf>;
const registries = `${groupScope}/providers/Microsoft.ContainerRegistry/registries`;
const victim = `${registries}/victim`;

beforeAll(async () => {
  server = await startWatchedApp();
  operator = managementOf(server.url);
  await operator.put(victim, {});
  // Owns one registry, and nothing else.
  await server.people.assign('Owner', await server.people.identity('local-owner'), {}, registry);
});
afterAll(() => server[Symbol.asyncDispose]());

/** Status and answer of a write by somebody, by default the owner of one registry. */
async function write(method: string, path: string, version: string, properties?: object, who = 'local-owner') {
  const answer = await fetch(`${server.url}${path}?api-version=${version}`, {
    method,
    ...(properties && method.startsWith('P') && { body: JSON.stringify({ location: 'local', properties }) }),
    headers: { Authorization: bearer(await server.people.jwt(who)), 'Content-Type': 'application/json' },
  });
  return { status: answer.status, text: await answer.text() };
}

describe('a path within a registry that looks like a group', () => {
  const insides = [
    `${registry}/providers/Microsoft.Resources/subscriptions/x/resourceGroups/bonded`,
    `${registry}/providers/Microsoft.Resources/subscriptions/x`,
    `${registry}/providers/Microsoft.Resources/subscriptions/x/resourceGroups/y/providers/Microsoft.Resources/subscriptions/x/resourceGroups/y`,
  ];

  test.each(insides)('%s has no registries, issuers or identities', async (inside) => {
    const { directory } = server.app.access;
    const before = directory();
    const issuer = { issuer: 'https://evil.test', audiences: ['evil'], jwks: { keys: [server.people.key.jwk] } };
    const writes = [
      ['Microsoft.ContainerRegistry/registries/victim', '2025-11-01', { anonymousPullEnabled: true }],
      ['Microsoft.ContainerRegistry/registries/another', '2025-11-01', {}],
      ['Microsoft.ContainerRegistry/trustedIssuers/evil', '2025-11-01', issuer],
      ['Microsoft.ManagedIdentity/userAssignedIdentities/evil', '2023-01-31', {}],
    ] as const;
    for (const [type, version, properties] of writes) {
      for (const method of ['PUT', 'PATCH', 'DELETE', 'GET']) {
        const { status } = await write(method, `${inside}/providers/${type}`, version, properties);
        expect([type, method, status]).toEqual([type, method, 404]);
      }
    }
    const recommendations = await write('GET', `${inside}/providers/Microsoft.Advisor/recommendations`, '2025-01-01');
    expect([recommendations.status, recommendations.text.includes('victim')]).toEqual([404, false]);
    expect(directory().registries.map(({ resourceId }) => resourceId)).toEqual([registry, victim]);
    expect(directory().issuers).toEqual(before.issuers);
    expect(directory().identities).toEqual(before.identities);
  });
});

test('nobody changes a role of a wider scope by another one with its name', async () => {
  const { people } = server;
  const name = randomUUID();
  const definition = (scope: string) => `${scope}/providers/Microsoft.Authorization/roleDefinitions/${name}`;
  const modest = { roleName: 'Lister', permissions: [{ actions: ['*/read'] }] };
  await operator.put(definition(groupScope), modest);
  await people.assign(definition(groupScope), await people.identity('lister'), {}, groupScope);

  const mine = { roleName: 'Lister', permissions: [{ actions: ['*'], dataActions: ['*'] }] };
  const { status } = await write('PUT', definition(registry), '2022-04-01', mine);
  const { directory } = server.app.access;
  expect(directory().policy.roles.get(name)!.definition.permissions[0]!.actions).toEqual(['*/read']);
  expect(status).toBe(409);
  // Two nodes that do not know of each other's yet would let it in.
  await people.put(definition(registry), { ...mine, description: 'later' });
  expect(directory().policy.roles.get(name)!.definition.permissions[0]!.actions).toEqual(['*/read']);
  // Its own it may write as often as it likes.
  const own = `${registry}/providers/Microsoft.Authorization/roleDefinitions/${randomUUID()}`;
  const harmless = { roleName: 'Own', permissions: [{ actions: ['*/read'] }] };
  expect((await write('PUT', own, '2022-04-01', harmless)).status).toBe(201);
  expect((await write('PUT', own.toUpperCase(), '2022-04-01', harmless)).status).toBe(200);
});

test('a role that was made at one registry gives nothing elsewhere', async () => {
  const { people, app } = server;
  const name = randomUUID();
  const definition = (scope: string) => `${scope}/providers/Microsoft.Authorization/roleDefinitions/${name}`;
  const principalId = await people.identity('guest');
  await operator.put(definition(groupScope), { roleName: 'Guest', permissions: [{ actions: ['*/read'] }] });
  await people.assign(definition(groupScope), principalId, {}, groupScope);
  // The assignment stays when the role is deleted, and its GUID is free.
  await operator.delete(definition(groupScope));
  const mine = { roleName: 'Mine', permissions: [{ actions: ['*'], dataActions: ['*'] }] };
  expect((await write('PUT', definition(registry), '2022-04-01', mine)).status).toBe(201);
  const guest = { kind: 'identity', id: principalId, name: 'guest' } as const;
  const may = (scope: string) =>
    decideManagement(app.access.directory().policy, guest, 'Microsoft.ContainerRegistry/registries/write', scope).allow;
  expect([victim, registry].map(may)).toEqual([false, false]);

  const assign = (scope: string) =>
    operator.put(`${scope}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`, {
      roleDefinitionId: definition(registry),
      principalId,
    });
  await expect(assign(groupScope)).rejects.toThrow('only where it was made');
  await expect(assign(victim)).rejects.toThrow('only where it was made');
  await assign(registry);
  expect([victim, registry].map(may)).toEqual([false, true]);
});

test('who owns one registry is not shown the roles of others', async () => {
  const { people, url } = server;
  const at = (scope: string) => `${scope}/providers/Microsoft.Authorization/roleDefinitions`;
  const secret = { roleName: 'Of the victim', permissions: [{ actions: ['*/read'] }] };
  await operator.put(`${at(victim)}/${randomUUID()}`, secret);
  const listed = async (scope: string) => {
    const headers = { Authorization: bearer(await people.jwt('local-owner')) };
    return (await fetch(`${url}${at(scope)}?api-version=2022-04-01`, { headers })).text();
  };
  expect(await listed(registry)).toContain('AcrPull');
  expect(await listed(registry)).not.toContain('Of the victim');
});

describe('whoever may write identities', () => {
  const version = '2023-01-31';
  const mine = (subject: string) => ({ issuer: 'https://people.test', audiences: ['bonded'], subject });

  test.each(['Contributor', 'Managed Identity Contributor'])(
    'as %s becomes none that has more rights',
    async (role) => {
      const { people } = server;
      const who = role.replaceAll(' ', '-').toLowerCase();
      await people.assign(role, await people.identity(who), {}, groupScope);
      const powerful = `powerful-${who}`;
      await people.assign('Owner', await people.identity(powerful), {}, groupScope);
      await people.identity(`new-${who}`);
      await operator.credential(powerful, 'ours', mine(`trusted-${who}`));
      const place = (name: string) => `${people.identityId(name)}/federatedIdentityCredentials`;
      for (const id of [
        `${place(powerful)}/mine`,
        `${place(powerful)}/ours`,
        `${place(powerful).toUpperCase()}/OURS`,
      ]) {
        for (const method of ['PUT', 'PATCH']) {
          const { status } = await write(method, id, version, mine(who), who);
          expect([id, method, status]).toEqual([id, method, method === 'PATCH' && id.endsWith('mine') ? 404 : 403]);
        }
      }
      expect((await write('PUT', `${place(`new-${who}`)}/mine`, version, mine(`other-${who}`), who)).status).toBe(201);
      expect((await write('PUT', `${place(powerful)}/mine`, version, mine('x'), 'local-owner')).status).toBe(403);
      await operator.credential(powerful, 'mine', mine(`third-${who}`));
    },
  );

  test('they take no tokens from another identity', async () => {
    const { people, url } = server;
    await people.assign('Managed Identity Contributor', await people.identity('shadow'), {}, groupScope);
    await people.assign('Container Registry Repository Reader', await people.identity('the-reader'));
    const pull = async () => {
      const headers = { Authorization: bearer(await people.jwt('the-reader')) };
      return (await fetch(`${url}/v2/app/manifests/latest`, { headers })).status;
    };
    expect(await pull()).toBe(404);
    const evil = people.identityId('aaa-evil');
    expect((await write('PUT', evil, version, {}, 'shadow')).status).toBe(201);
    const subjects = ['nobody', 'the-*', 'the-reader'];
    for (const [at, subject] of subjects.entries()) {
      const id = `${evil}/federatedIdentityCredentials/one`;
      expect((await write('PUT', id, version, mine(subject), 'shadow')).status).toBe(at === 0 ? 201 : 200);
      expect([subject, await pull()]).toEqual([subject, 404]);
    }
  });
});
