import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { pushImage } from '../../test/http/registry.ts';
import { accessToken, refreshToken } from '../../test/http/tokens.ts';
import { basic, bearer, issuer, issuerId, jwt as jwtOf, makePassword, nullUser } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { makeKey } from '../identity/federation/test-issuer.double.ts';

/* What was given out does not outlive what it was given for. */

const reader = 'Container Registry Repository Reader';

let now = Date.now();
let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp({ now: () => now, settings: { 'outbound.allow': '127.0.0.1' } });
  await pushImage(server.url, 'app', 'latest');
});
afterAll(() => server[Symbol.asyncDispose]());

async function statuses(shown: Record<string, string>): Promise<Record<string, number>> {
  const asked = Object.entries(shown).map(async ([name, authorization]) => {
    const headers = { Authorization: authorization };
    return [name, (await fetch(`${server.url}/v2/app/manifests/latest`, { headers })).status] as const;
  });
  return Object.fromEntries(await Promise.all(asked));
}

/** All that one can hold by a token of the issuer, each known to the server already. */
async function holdings(subject: string): Promise<Record<string, string>> {
  const jwt = await server.people.jwt(subject);
  const refresh = await refreshToken(server.url, jwt);
  const access = await accessToken(server.url, basic(nullUser, refresh), ['repository:app:pull']);
  const shown = { jwt: basic('x', jwt), refresh: basic(nullUser, refresh), access: bearer(access) };
  expect(await statuses(shown)).toEqual({ jwt: 200, refresh: 200, access: 200 });
  return shown;
}

const all = (status: number) => ({ jwt: status, refresh: status, access: status });

async function somebody(subject: string) {
  const id = await server.people.identity(subject);
  const assignment = await server.people.assign(reader, id);
  return { assignment, shown: await holdings(subject) };
}

test('a role assignment that is removed takes its right along', async () => {
  const { assignment, shown } = await somebody('unassigned');
  await server.people.remove(assignment);
  expect(await statuses(shown)).toEqual(all(403));
});

test('an identity that is disabled is nobody, until it is enabled again', async () => {
  const { shown } = await somebody('disabled');
  await server.people.put(server.people.identityId('disabled'), { status: 'disabled' });
  expect(await statuses(shown)).toEqual(all(401));
  await server.people.put(server.people.identityId('disabled'), { status: 'enabled' });
  expect(await statuses(shown)).toEqual(all(200));
});

test('an identity that is deleted and made anew is another one', async () => {
  const { shown } = await somebody('deleted');
  await server.people.remove(server.people.identityId('deleted'));
  await Bun.sleep(2);
  now = Math.max(now + 1, Date.now());
  await server.people.identity('deleted');
  expect(await statuses(shown)).toEqual({ jwt: 403, refresh: 401, access: 401 });
});

test('a federated credential that is removed, or says something else, is that of nobody any more', async () => {
  const { shown } = await somebody('uncredentialed');
  await server.people.remove(server.people.credentialId('uncredentialed'));
  // Its token is still one of the issuer, and has no right.
  expect(await statuses(shown)).toEqual({ jwt: 403, refresh: 401, access: 401 });

  const { shown: changed } = await somebody('renamed');
  const properties = { issuer: 'https://people.test', audiences: ['bonded'], subject: 'somebody-else' };
  await server.people.put(server.people.credentialId('renamed'), properties);
  expect(await statuses(changed)).toEqual({ jwt: 403, refresh: 401, access: 401 });
});

test('a federated credential that is added counts at once for a token that was seen before', async () => {
  const shown = { jwt: basic('x', await server.people.jwt('early')) };
  expect(await statuses(shown)).toEqual({ jwt: 403 });
  await server.people.assign(reader, await server.people.identity('early'));
  expect(await statuses(shown)).toEqual({ jwt: 200 });
});

test('an issuer that is disabled, removed, or has other keys vouches for nobody', async () => {
  const { shown } = await somebody('vouched');
  await server.people.trust({ enabled: false });
  expect(await statuses(shown)).toEqual(all(401));
  await server.people.trust();
  expect(await statuses(shown)).toEqual(all(200));
  await server.people.trust({ jwks: { keys: [{ ...server.people.key.jwk, kid: 'another' }] } });
  expect(await statuses(shown)).toEqual(all(401));
  await server.people.trust({ audiences: ['somebody else'] });
  expect(await statuses(shown)).toEqual(all(401));
  await server.people.trust();
  expect(await statuses(shown)).toEqual(all(200));
  await server.people.remove(issuerId('people'));
  expect(await statuses(shown)).toEqual(all(401));
  await server.people.trust();
});

test('an issuer that is trusted twice vouches by the keys of the one for nobody of the other', async () => {
  const { people } = server;
  const other = await makeKey('other-1', 'ES256');
  await people.assign(reader, await people.identity('twice'));
  // Comes first, by its name.
  await people.trust({ audiences: ['another'], jwks: { keys: [other.jwk] } }, 'a-first');
  const aud = ['another', 'bonded'];
  const forged = await jwtOf(other, 'twice', { aud });
  expect(await statuses({ forged: basic('x', forged) })).toEqual({ forged: 403 });

  // When that one goes, so does whoever came by it, though the issuer is still trusted.
  const claims = { principalType: 'Claims', issuer: issuer, claims: { sub: 'by-another' } };
  await people.assign(reader, claims);
  const token = await refreshToken(server.url, await jwtOf(other, 'by-another', { aud: 'another' }));
  const shown = { refresh: basic(nullUser, token) };
  expect(await statuses(shown)).toEqual({ refresh: 200 });
  await people.remove(issuerId('a-first'));
  expect(await statuses(shown)).toEqual({ refresh: 401 });
});

test('an issuer whose keys cannot be had makes its tokens neither good nor bad', async () => {
  const url = 'https://127.0.0.1:1/keys';
  await server.people.trust({ issuer: 'https://away.test', jwks: undefined, jwksUri: url }, 'away');
  const jwt = await server.people.jwt('somebody', { iss: 'https://away.test' });
  const headers = { Authorization: basic('x', jwt) };
  for (const path of ['/v2/', `/oauth2/token?service=${server.host}`]) {
    const answer = await fetch(`${server.url}${path}`, { headers });
    expect([path, answer.status]).toEqual([path, 503]);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(await answer.text()).not.toContain('127.0.0.1');
  }
  await server.people.remove(issuerId('away'));
});

test('a token of the registry: its password, its status and its scope map count now', async () => {
  const { people, app } = server;
  const id = await people.token('robot', ['repositories/app/content/read']);
  const owner = { kind: 'token', name: 'robot' } as const;
  const first = await makePassword(app, owner);
  const second = await makePassword(app, owner, { slot: 'password2', expiresAt: now + 3600_000 });
  const access = await accessToken(server.url, basic('robot', first.value), ['repository:app:pull']);
  const shown = { first: basic('robot', first.value), second: basic('robot', second.value), access: bearer(access) };
  const expectAll = async (status: number) =>
    expect(await statuses(shown)).toEqual({ first: status, second: status, access: status });
  await expectAll(200);
  await people.put(id, { scopeMapId: id.replace('/tokens/', '/scopeMaps/map-'), status: 'disabled' });
  await expectAll(401);
  await people.token('robot', ['repositories/other/content/read']);
  await expectAll(403);
  await people.token('robot', ['repositories/app/content/read']);
  await expectAll(200);
  // A password is looked up anew after three seconds.
  await makePassword(app, owner);
  now += 3001;
  expect(await statuses(shown)).toEqual({ first: 401, second: 200, access: 401 });
  now += 3600_000;
  expect(await statuses(shown)).toMatchObject({ second: 401 });
  await people.remove(id);
  expect(await statuses(shown)).toMatchObject({ second: 401, access: 401 });
});

test('keys that are dropped take along what they signed', async () => {
  const { shown } = await somebody('signed');
  await server.app.access.keys.replace({ drop: true });
  expect(await statuses(shown)).toEqual({ jwt: 200, refresh: 401, access: 401 });
});
