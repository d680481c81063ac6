import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { fetch } from '../../test/http/fetch.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { audience, bearer, issuer } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { builtInRoles } from '../access/index.ts';
import { groupScope, subscriptionScope } from '../operations/index.ts';

let server: WatchedApp;
let operator: ReturnType<typeof managementOf>;
beforeAll(async () => {
  server = await startWatchedApp();
  operator = managementOf(server.url);
});
afterAll(() => server[Symbol.asyncDispose]());

const identities = `${groupScope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities`;
const issuers = `${groupScope}/providers/Microsoft.ContainerRegistry/trustedIssuers`;
const roleId = (name: string) => builtInRoles.find(({ roleName }) => roleName === name)!.id;
const assignment = (scope = registry) => `${scope}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`;

/** Status and code of a write by somebody. */
async function write(subject: string, method: string, path: string, version: string, properties?: object) {
  const answer = await fetch(`${server.url}${path}?api-version=${version}`, {
    method,
    ...(properties && { body: JSON.stringify({ location: 'local', properties }) }),
    headers: { Authorization: bearer(await server.people.jwt(subject)), 'Content-Type': 'application/json' },
  });
  const text = await answer.text();
  const { error } = (text === '' ? {} : JSON.parse(text)) as { error?: { code: string } };
  return error ? `${answer.status} ${error.code}` : `${answer.status}`;
}

describe('who may manage access', () => {
  beforeAll(async () => {
    const { people } = server;
    for (const [name, role] of [
      ['contributor', 'Contributor'],
      ['reader', 'Reader'],
      ['owner', 'Owner'],
      ['nobody', 'Container Registry Repository Contributor'],
    ] as const) {
      await people.assign(role, await people.identity(name), {}, groupScope);
    }
  });
  const keys = { issuer: 'https://other.test', audiences: ['other'], jwks: { keys: [{ kty: 'EC' }] } };

  test.each([
    ['contributor', `${identities}/made-by-contributor`, '2023-01-31', {}, '201'],
    ['reader', `${identities}/made-by-reader`, '2023-01-31', {}, '403 AuthorizationFailed'],
    ['nobody', `${identities}/made-by-nobody`, '2023-01-31', {}, '403 AuthorizationFailed'],
    // Whoever changes the keys of an issuer can be everybody whom it vouches for.
    ['contributor', `${issuers}/people`, '2025-11-01', keys, '403 AuthorizationFailed'],
    ['contributor', `${issuers}/mine`, '2025-11-01', keys, '403 AuthorizationFailed'],
    ['owner', `${issuers}/other`, '2025-11-01', keys, '201'],
  ] as const)('%s writes %s', async (who, path, version, properties, outcome) => {
    expect(await write(who, 'PUT', path, version, properties)).toBe(outcome);
  });

  test('contributors give nobody a role, themselves neither; owners do', async () => {
    const role = { roleDefinitionId: roleId('Owner'), principalId: await server.people.identity('friend') };
    expect(await write('contributor', 'PUT', assignment(), '2022-04-01', role)).toBe('403 AuthorizationFailed');
    expect(await write('owner', 'PUT', assignment(), '2022-04-01', role)).toBe('201');
  });

  test('what is missing and what is forbidden are the same to who may not read', async () => {
    const there = await write('nobody', 'GET', `${identities}/owner`, '2023-01-31');
    expect(there).toBe('403 AuthorizationFailed');
    expect(await write('nobody', 'GET', `${identities}/missing`, '2023-01-31')).toBe(there);
    expect(await write('reader', 'GET', `${identities}/missing`, '2023-01-31')).toBe('404 ResourceNotFound');
  });

  test('each call is in the audit, with what it was and who it was refused to', async () => {
    const since = server.audit().length;
    await write('reader', 'PUT', `${identities}/again`, '2023-01-31', {});
    expect(server.audit(since)).toMatchObject([
      {
        action: 'Microsoft.ManagedIdentity/userAssignedIdentities/write',
        target: `${identities}/again`,
        outcome: 'denied',
        actorName: 'reader',
      },
    ]);
  });
});

describe('a role assignment is refused where it could grant nothing, or is not understood', () => {
  const reader = roleId('Container Registry Repository Reader');
  const wrong = '@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringEquals team';
  test.each([
    ['a role that is unknown', { roleDefinitionId: randomUUID(), principalId: 'x' }, 'is no role that is known here'],
    ['an identity that is unknown', { roleDefinitionId: reader, principalId: 'x' }, 'is no identity that is known'],
    ['nobody', { roleDefinitionId: reader }, 'properties.principalId is missing'],
    ['a malformed condition', { roleDefinitionId: reader, principalId: 'operator', condition: wrong }, 'condition'],
    [
      'a group of an issuer that nobody trusts',
      { roleDefinitionId: reader, principalType: 'Group', principalId: 'g', issuer: 'https://nobody.test' },
      'must be the issuer of a trusted issuer',
    ],
    [
      'claims that are none',
      { roleDefinitionId: reader, principalType: 'Claims', issuer, claims: {} },
      'must name a claim',
    ],
  ])('%s', async (_, properties, message) => {
    await expect(operator.put(assignment(), properties)).rejects.toThrow(message);
  });

  test('a scope that is none', async () => {
    const scope = `${subscriptionScope}/resourceGroups/other`;
    const principalId = await server.people.identity('elsewhere');
    await expect(operator.put(assignment(scope), { roleDefinitionId: reader, principalId })).rejects.toThrow('404');
  });

  test('the same one again, under another name', async () => {
    const role = { roleDefinitionId: reader, principalId: await server.people.identity('twice') };
    await operator.put(assignment(), role);
    await expect(operator.put(assignment(), role)).rejects.toThrow('RoleAssignmentExists');
  });
});

describe('role definitions', () => {
  const role = (roleName: string) => ({ roleName, permissions: [{ dataActions: ['Microsoft.ContainerRegistry/*'] }] });
  const definition = (name: string) => `${groupScope}/providers/Microsoft.Authorization/roleDefinitions/${name}`;

  test('a custom one can be assigned; its name is its own', async () => {
    const name = randomUUID();
    const { properties } = await operator.put(definition(name), role('Everything'));
    expect(properties).toMatchObject({ type: 'CustomRole', roleName: 'Everything' });
    await expect(operator.put(definition(randomUUID()), role('everything'))).rejects.toThrow('409');
    await expect(operator.put(definition(randomUUID()), role('AcrPull'))).rejects.toThrow('409');
    const principalId = await server.people.identity('custom');
    await operator.put(assignment(), { roleDefinitionId: definition(name), principalId });
    const list = { headers: { Authorization: bearer(await server.people.jwt('custom')) } };
    expect((await fetch(`${server.url}/v2/any/tags/list`, list)).status).toBe(404);
  });

  test('a built-in one cannot be changed', async () => {
    const { name } = builtInRoles.find(({ roleName }) => roleName === 'AcrPull')!;
    await expect(operator.put(definition(name), role('Mine'))).rejects.toThrow('built in');
  });
});

describe('tokens and their passwords', () => {
  test('a scope map with an action that is none, and a token without a map, are refused', async () => {
    const map = { actions: ['repositories/team/app/content/run'] };
    await expect(operator.put(`${registry}/scopeMaps/wrong-map`, map)).rejects.toThrow('is no action of a scope map');
    const scopeMapId = `${registry}/scopeMaps/missing`;
    await expect(operator.put(`${registry}/tokens/without`, { scopeMapId })).rejects.toThrow('is no scope map');
    await expect(operator.put(`${registry}/scopeMaps/_repositories_pull`, { actions: [] })).rejects.toThrow();
  });

  test('passwords are made for tokens of this registry, to end in the future, and go with them', async () => {
    const password = await operator.token('pipeline', ['repositories/team/*/content/read']);
    server.secrets.add(password);
    const tokenId = `${registry}/tokens/pipeline`;
    const generate = (input: object) => operator.post(`${registry}/generateCredentials`, input);
    await expect(generate({ tokenId, expiry: '2020-01-01T00:00:00Z' })).rejects.toThrow('must be a time to come');
    await expect(generate({ tokenId: `${registry}/tokens/other` })).rejects.toThrow('is no token of this registry');
    const login = () =>
      fetch(`${server.url}/oauth2/token?scope=repository:team/a:pull`, {
        headers: { Authorization: `Basic ${btoa(`pipeline:${password}`)}` },
      });
    expect((await login()).status).toBe(200);
    await operator.delete(tokenId);
    expect((await login()).status).toBe(401);
    // One of the same name is another one; a password that was right is believed for up to three seconds.
    await operator.put(tokenId, { scopeMapId: `${registry}/scopeMaps/pipeline-map` });
    for (const until = Date.now() + 5000; (await login()).status !== 401; await Bun.sleep(100)) {
      expect(Date.now()).toBeLessThan(until);
    }
  });

  test('the admin user has passwords while it is enabled, each shown once', async () => {
    await expect(operator.post(`${registry}/listCredentials`, {})).rejects.toThrow('is disabled');
    await operator.patch(registry, { adminUserEnabled: true });
    const shown = (answer: unknown) => (answer as { passwords: { name: string; value: string }[] }).passwords;
    const first = shown(await operator.post(`${registry}/listCredentials`, {}));
    expect(first.map(({ name }) => name)).toEqual(['password', 'password2']);
    for (const { value } of first) server.secrets.add(value);
    expect(shown(await operator.post(`${registry}/listCredentials`, {}))).toEqual([]);
    const [renewed] = shown(await operator.post(`${registry}/regenerateCredential`, { name: 'password' }));
    server.secrets.add(renewed!.value);
    expect(renewed!.value).not.toBe(first[0]!.value);
    await operator.patch(registry, { adminUserEnabled: false });
  });
});

test('an issuer is not trusted twice for one audience', async () => {
  const { key } = server.people;
  const again = { issuer, audiences: ['other', audience], jwks: { keys: [key.jwk] } };
  await expect(operator.trust('again', again)).rejects.toThrow('people already trusts this issuer');
  await operator.trust('again', { ...again, audiences: ['other'] });
});

test('a federated credential that would be everybody is refused', async () => {
  await operator.identity('open-to-all');
  const all = { issuer, subject: '*' };
  await expect(operator.credential('open-to-all', 'all', all)).rejects.toThrow('must not be * alone');
  await expect(operator.credential('open-to-all', 'none', { issuer })).rejects.toThrow('must say something');
});
