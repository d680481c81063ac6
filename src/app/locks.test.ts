import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf, pushImage } from '../../test/http/registry.ts';
import { accessToken } from '../../test/http/tokens.ts';
import { managementOf } from '../../test/support/management.ts';
import { basic, bearer } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

/* Who may lock and describe what, and what the audit says of it. */

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
  for (const name of ['team/app', 'other/app']) await pushImage(server.url, name, 'v1');
});
afterAll(() => server[Symbol.asyncDispose]());

const patch = (authorization: string | undefined, body: object, path = 'team/app/_tags/v1') =>
  fetch(`${server.url}/acr/v1/${path}`, {
    method: 'PATCH',
    body: JSON.stringify(body),
    headers: authorization === undefined ? {} : { Authorization: authorization },
    anonymous: authorization === undefined,
  });
const statusOf = async (answer: Promise<Response>) => (await answer).status;
const ownerOf = async (answer: Response) =>
  ((await answer.json()) as { tag: { changeableAttributes: { lockOwner?: string } } }).tag.changeableAttributes
    .lockOwner;

async function somebody(name: string, role: string): Promise<string> {
  const { people } = server;
  await people.assign(role, await people.identity(name));
  return basic('x', await people.jwt(name));
}

describe('who may lock', () => {
  test.each([
    ['Container Registry Repository Reader', 403],
    ['Container Registry Repository Writer', 200],
    ['Container Registry Repository Contributor', 200],
  ])('%s is answered with %d', async (role, status) => {
    const name = role.split(' ').at(-1)!.toLowerCase();
    const who = await somebody(name, role);
    const answer = await patch(who, { deleteEnabled: false });
    expect(answer.status).toBe(status);
    // It becomes the owner, by its name.
    if (status === 200) expect(await ownerOf(answer)).toBe(name);
    expect(await statusOf(patch(undefined, { deleteEnabled: true }))).toBe(401);
    expect(await statusOf(patch(who, { deleteEnabled: true }))).toBe(status);
    const put = { method: 'PUT', body: 'x', headers: { Authorization: who } };
    expect(await statusOf(fetch(`${server.url}/acr/v1/team/app/_metadata/key`, put))).toBe(status === 200 ? 201 : 403);
  });

  test('a token of the registry whose scope map says so, where it says so', async () => {
    const { token } = managementOf(server.url);
    const locker = basic('locker', await token('locker', ['repositories/team/*/metadata/write']));
    const answer = await patch(locker, { deleteEnabled: false });
    expect([answer.status, await ownerOf(answer)]).toEqual([200, 'locker']);
    expect(await statusOf(patch(locker, { deleteEnabled: true }))).toBe(200);
    expect(await statusOf(patch(locker, { deleteEnabled: false }, 'other/app/_tags/v1'))).toBe(403);
    const pusher = basic(
      'pusher',
      await token('pusher', ['repositories/*/content/write', 'repositories/*/content/read']),
    );
    expect(await statusOf(patch(pusher, { deleteEnabled: false }))).toBe(403);
  });

  test('an access token that was given for it; another one is asked for where it was not', async () => {
    const who = await somebody('asks', 'Container Registry Repository Writer');
    const scopes = (action: string) => accessToken(server.url, who, [`repository:team/app:${action}`]);
    const refused = await patch(bearer(await scopes('pull,push')), { deleteEnabled: false });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toContain('scope="repository:team/app:metadata_write"');
    const given = bearer(await scopes('metadata_write,metadata_read'));
    expect(await statusOf(patch(given, { deleteEnabled: false }))).toBe(200);
    expect(await statusOf(patch(given, { deleteEnabled: true }))).toBe(200);
  });

  test('not AcrPush in the other mode, as in ACR', async () => {
    await server.people.registry({ roleAssignmentMode: 'LegacyRegistryPermissions' });
    try {
      const who = await somebody('legacy', 'AcrPush');
      expect(await statusOf(patch(who, { deleteEnabled: false }))).toBe(403);
    } finally {
      await server.people.registry({ roleAssignmentMode: 'AbacRepositoryPermissions' });
    }
  });
});

test('the audit has who locked and who was refused because of it', async () => {
  const who = await somebody('audited', 'Container Registry Repository Contributor');
  const since = server.audit().length;
  expect(await statusOf(patch(who, { deleteEnabled: false, lockReason: 'r' }))).toBe(200);
  const path = '/v2/team/app/manifests/v1';
  const refused = await fetch(server.url + path, { method: 'DELETE', headers: { Authorization: who } });
  expect((await errorOf(refused)).detail).toMatchObject({ lockOwner: 'audited', lockReason: 'r' });
  const common = { actorName: 'audited', target: 'team/app' };
  expect(server.audit(since)).toMatchObject([
    { ...common, action: 'update', outcome: 'allowed', path: '/acr/v1/team/app/_tags/v1' },
    { ...common, action: 'delete', outcome: 'denied', reason: 'locked', path },
  ]);
  expect(await statusOf(patch(who, { deleteEnabled: true }))).toBe(200);
});
