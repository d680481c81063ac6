import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf } from '../../test/http/registry.ts';
import { accessToken } from '../../test/http/tokens.ts';
import { basic, bearer } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

/* Lesson 9: a token that expires during a long upload still finishes it, and nothing else. */

let now = Date.now();
let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp({ now: () => now });
  for (const name of ['pusher', 'other']) {
    await server.people.assign('Container Registry Repository Contributor', await server.people.identity(name));
  }
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  now = Date.now();
});

const minutes = 60_000;
const scope = ['repository:app:pull,push,delete', 'repository:elsewhere:pull,push', 'registry:catalog:*'];
const tokenOf = async (name: string) =>
  bearer(await accessToken(server.url, basic('x', await server.people.jwt(name, {}, {}, now)), scope));

function call(authorization: string, method: string, path: string, body?: string) {
  const headers = { Authorization: authorization };
  return fetch(new URL(path, server.url), { method, headers, ...(body !== undefined && { body }) });
}

async function open(authorization: string, name = 'app'): Promise<string> {
  const answer = await call(authorization, 'POST', `/v2/${name}/blobs/uploads/`);
  expect(answer.status).toBe(202);
  return answer.headers.get('location')!;
}

test('lesson 9: an upload is finished with the token that has expired since', async () => {
  const token = await tokenOf('pusher');
  const session = await open(token);
  expect((await call(token, 'PATCH', session, 'half ')).status).toBe(202);
  now += 80 * minutes;
  expect((await call(token, 'GET', session)).status).toBe(204);
  expect((await call(token, 'PATCH', session, 'and half')).status).toBe(202);
  expect((await call(token, 'PUT', `${session}?digest=${digestOf('half and half')}`)).status).toBe(201);
});

test('lesson 9: nothing else is done with it', async () => {
  const token = await tokenOf('pusher');
  const mine = await open(token);
  now += 80 * minutes;
  const digest = digestOf('x');
  const refused: [string, string][] = [
    ['GET', '/v2/'],
    ['GET', '/v2/_catalog'],
    ['GET', '/v2/app/tags/list'],
    ['GET', '/v2/app/manifests/latest'],
    ['HEAD', `/v2/app/blobs/${digest}`],
    ['PUT', '/v2/app/manifests/latest'],
    ['DELETE', `/v2/app/manifests/${digest}`],
    ['POST', '/v2/app/blobs/uploads/'],
    ['POST', `/v2/app/blobs/uploads/?digest=${digest}`],
    ['POST', `/v2/app/blobs/uploads/?mount=${digest}&from=elsewhere`],
  ];
  for (const [method, path] of refused) {
    const answer = await call(token, method, path);
    expect([method, path, answer.status]).toEqual([method, path, 401]);
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
  }
  // The session of the same principal is there under its own path alone.
  expect((await call(token, 'GET', mine.replace('/app/', '/elsewhere/'))).status).toBe(404);
  expect((await call(token, 'DELETE', mine)).status).toBe(204);
});

test('lesson 9: no session that somebody else began, nor one that began after its end', async () => {
  const token = await tokenOf('pusher');
  const theirs = await open(await tokenOf('other'));
  now += 80 * minutes;
  const later = await open(await tokenOf('pusher'));
  for (const session of [theirs, later]) {
    expect((await call(token, 'PATCH', session, 'x')).status).toBe(404);
    expect((await call(token, 'DELETE', session)).status).toBe(404);
  }
});

test('lesson 9: for a day, and only for as long as it still had the right', async () => {
  const token = await tokenOf('pusher');
  const session = await open(token);
  now += (75 + 23 * 60) * minutes;
  expect((await call(token, 'PATCH', session, 'x')).status).toBe(202);
  now += 61 * minutes;
  expect((await call(token, 'PATCH', session, 'x')).status).toBe(401);

  now = Date.now();
  const leaver = await server.people.identity('leaver');
  const assignment = await server.people.assign('Container Registry Repository Writer', leaver);
  const expiring = await tokenOf('leaver');
  const begun = await open(expiring);
  now += 80 * minutes;
  expect((await call(expiring, 'PATCH', begun, 'x')).status).toBe(202);
  await server.people.remove(assignment);
  expect((await call(expiring, 'PATCH', begun, 'x')).status).toBe(403);
});

test('a renewed token of the same principal goes on with what the former began', async () => {
  const session = await open(await tokenOf('pusher'));
  now += 80 * minutes;
  const renewed = await tokenOf('pusher');
  expect((await call(renewed, 'PUT', `${session}?digest=${digestOf('all')}`, 'all')).status).toBe(201);
});
