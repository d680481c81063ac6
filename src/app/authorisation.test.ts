import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, pushImage } from '../../test/http/registry.ts';
import { accessToken } from '../../test/http/tokens.ts';
import { basic, bearer, issuer, makePassword, registryScope } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
  for (const name of ['team/app', 'team/base', 'other/app']) await pushImage(server.url, name, 'latest');
});
afterAll(() => server[Symbol.asyncDispose]());

const show = async (subject: string, claims = {}) => basic('x', await server.people.jwt(subject, claims));

async function status(authorization: string, method: string, path: string): Promise<number> {
  const headers = { Authorization: authorization };
  return (await fetch(`${server.url}/v2/${path}`, { method, headers })).status;
}

/** What somebody may do in a repository; each is asked in a way that changes nothing. */
async function rightsIn(authorization: string, name: string): Promise<string[]> {
  const asked: [string, string, string][] = [
    ['pull', 'GET', `${name}/manifests/latest`],
    ['list', 'GET', `${name}/tags/list`],
    ['push', 'PUT', `${name}/manifests/.bad`],
    ['delete', 'DELETE', `${name}/manifests/${digestOf('missing')}`],
  ];
  const rights: string[] = [];
  for (const [right, method, path] of asked) {
    const answered = await status(authorization, method, path);
    if (answered !== 403) rights.push(right);
    expect([200, 400, 403, 404]).toContain(answered);
  }
  return rights;
}

const everything = ['pull', 'list', 'push', 'delete'];
const name = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]';

describe('an identity', () => {
  test.each([
    ['Container Registry Repository Reader', ['pull', 'list']],
    ['Container Registry Repository Writer', ['pull', 'list', 'push']],
    ['Container Registry Repository Contributor', everything],
    ['Container Registry Repository Catalog Lister', []],
    ['AcrPull', []],
    ['AcrPush', []],
    ['Owner', []],
    ['Contributor', []],
  ])('has of %s what the role gives', async (role, rights) => {
    const subject = role.replaceAll(' ', '-');
    await server.people.assign(role, await server.people.identity(subject));
    expect(await rightsIn(await show(subject), 'team/app')).toEqual(rights);
  });

  test('has it where the condition holds, and nowhere else', async () => {
    const id = await server.people.identity('conditional');
    const role = 'Container Registry Repository Writer';
    await server.people.assign(role, id, {
      condition: `${name} StringStartsWithIgnoreCase 'team/'`,
      conditionVersion: '2.0',
    });
    const shown = await show('conditional');
    expect(await rightsIn(shown, 'team/app')).toEqual(['pull', 'list', 'push']);
    for (const other of ['other/app', 'team', 'teamwork/app', 'xteam/app']) {
      expect(await rightsIn(shown, other)).toEqual([]);
    }
  });

  test.each([
    ["' OR 'a' StringEquals 'a", `${name} StringEquals '' OR 'a' StringEquals 'a'`],
    ['a comment', `${name} StringEquals 'x' -- '`],
    ['an open bracket', `(${name} StringEquals 'team/app'`],
    ['nothing', ''],
    ['depth', `${'('.repeat(2000)}${name} StringEquals 'team/app'${')'.repeat(2000)}`],
    ['another attribute', "@Request[x] StringEquals 'team/app'"],
  ])('has nothing by a condition of %s', async (_, condition) => {
    const subject = `odd-${randomUUID().slice(0, 8)}`;
    await server.people.assign('Container Registry Repository Contributor', await server.people.identity(subject), {
      condition,
    });
    expect(await rightsIn(await show(subject), 'team/app')).toEqual([]);
  });

  test('has what is assigned at a repository there alone', async () => {
    const id = await server.people.identity('narrow');
    const scope = `${registryScope}/repositories/${encodeURIComponent('team/app')}`;
    await server.people.assign('Container Registry Repository Reader', id, {}, scope);
    expect(await rightsIn(await show('narrow'), 'team/app')).toEqual(['pull', 'list']);
    expect(await rightsIn(await show('narrow'), 'team/base')).toEqual([]);
  });

  test('is whoever the claims of its federated credential describe', async () => {
    const claims = { repository: 'acme/*', ref: 'refs/heads/main' };
    const id = await server.people.identity('pipeline', { subject: 'repo:acme/*', claims });
    await server.people.assign('Container Registry Repository Writer', id);
    const good = { repository: 'acme/app', ref: 'refs/heads/main' };
    expect(await rightsIn(await show('repo:acme/app', good), 'team/app')).toEqual(['pull', 'list', 'push']);
    for (const [subject, other] of [
      ['repo:acme/app', { ...good, ref: 'refs/heads/main2' }],
      ['repo:acme/app', { ...good, repository: 'evil/acme/app' }],
      ['repo:acme/app', { repository: 'acme/app' }],
      ['repo:evil/app', good],
    ] as const) {
      expect(await rightsIn(await show(subject, other), 'team/app')).toEqual([]);
    }
  });
});

describe('somebody without an identity', () => {
  test('has what is assigned to a group of its token, by that issuer', async () => {
    const role = 'Container Registry Repository Reader';
    await server.people.assign(role, { principalType: 'Group', principalId: 'readers', issuer });
    await server.people.assign('Container Registry Repository Contributor', {
      principalType: 'Group',
      principalId: 'owners',
      issuer: 'https://elsewhere.test',
    });
    expect(await rightsIn(await show('anna', { groups: ['readers', 'owners'] }), 'team/app')).toEqual(['pull', 'list']);
    expect(await rightsIn(await show('anna', { groups: ['reader'] }), 'team/app')).toEqual([]);
    const token = bearer(
      await accessToken(server.url, await show('anna', { groups: ['readers'] }), ['repository:team/app:*']),
    );
    expect(await status(token, 'GET', 'team/app/manifests/latest')).toBe(200);
  });

  test('has what is assigned to claims, exact or by a pattern, and to nothing by its name', async () => {
    const writer = 'Container Registry Repository Writer';
    await server.people.assign(writer, {
      principalType: 'Claims',
      issuer,
      claims: { namespace: 'shop-*', tier: 'prod' },
    });
    const shown = await show('pod', { namespace: 'shop-eu', tier: 'prod' });
    expect(await rightsIn(shown, 'team/app')).toEqual(['pull', 'list', 'push']);
    expect(await rightsIn(await show('pod', { namespace: 'shop-eu', tier: 'test' }), 'team/app')).toEqual([]);
    expect(await rightsIn(await show('pod', { namespace: 'shop' }), 'team/app')).toEqual([]);
    await server.people.assign(writer, `${issuer}#bob`);
    await server.people.assign(writer, 'bob');
    expect(await rightsIn(await show('bob'), 'team/app')).toEqual([]);
  });
});

test('a custom role gives its actions less what it excludes', async () => {
  const id = `${registryScope}/providers/Microsoft.Authorization/roleDefinitions/${randomUUID()}`;
  const base = 'Microsoft.ContainerRegistry/registries/repositories';
  await server.people.put(id, {
    roleName: 'Pushes, and cannot pull',
    permissions: [{ dataActions: [`${base}/content/*`], notDataActions: [`${base}/content/read`] }],
  });
  await server.people.assign(id, await server.people.identity('odd-role'));
  expect(await rightsIn(await show('odd-role'), 'team/app')).toEqual(['push', 'delete']);
});

test('a token has what its scope map says, and the admin user all of the data', async () => {
  const { people, app } = server;
  await people.token('robot', ['repositories/team/*/content/read', 'repositories/team/app/content/write']);
  const { value } = await makePassword(app, { kind: 'token', name: 'robot' });
  const shown = basic('robot', value);
  expect(await rightsIn(shown, 'team/app')).toEqual(['pull', 'list', 'push']);
  expect(await rightsIn(shown, 'team/base')).toEqual(['pull', 'list']);
  expect(await rightsIn(shown, 'other/app')).toEqual([]);
  expect(await rightsIn(shown, 'team')).toEqual([]);
  await people.registry({ adminUserEnabled: true });
  const admin = await makePassword(app, { kind: 'admin', name: 'default' });
  expect(await rightsIn(basic('default', admin.value), 'other/app')).toEqual(everything);
  await people.registry({ adminUserEnabled: false });
});

test('in the mode of old, roles of old count, and the mode is switched at once for whoever is logged in', async () => {
  await using old = await startWatchedApp();
  const { people, url } = old;
  await pushImage(url, 'team/app', 'latest');
  const id = await people.identity('puller');
  await people.assign('AcrPull', id);
  await people.assign('Container Registry Repository Contributor', await people.identity('modern'));
  const ask = async (authorization: string, method = 'GET') =>
    (await fetch(`${url}/v2/team/app/manifests/latest`, { method, headers: { Authorization: authorization } })).status;
  const shown = async (subject: string) => basic('x', await people.jwt(subject));
  const token = async (subject: string) =>
    bearer(await accessToken(url, await shown(subject), ['repository:team/app:pull,delete']));

  const modern = await token('modern');
  expect(await ask(modern)).toBe(200);
  expect(await ask(await shown('puller'))).toBe(403);
  await people.registry({ roleAssignmentMode: 'LegacyRegistryPermissions' });
  expect(await ask(modern)).toBe(401);
  expect(await ask(await shown('modern'))).toBe(403);
  const puller = await token('puller');
  expect(await ask(puller)).toBe(200);
  expect(await ask(await shown('puller'), 'DELETE')).toBe(403);
  await people.registry({ roleAssignmentMode: 'AbacRepositoryPermissions' });
  expect(await ask(puller)).toBe(401);
});
