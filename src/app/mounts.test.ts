import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, openUpload, pushBlob } from '../../test/http/registry.ts';
import { accessToken } from '../../test/http/tokens.ts';
import { basic, bearer } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

const condition = (prefix: string) =>
  `@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWithIgnoreCase '${prefix}/'`;

let server: WatchedApp;
let secret: string;
let shared: string;
beforeAll(async () => {
  server = await startWatchedApp();
  const { people, url } = server;
  const id = await people.identity('team');
  await people.assign('Container Registry Repository Writer', id, { condition: condition('team') });
  const token = await people.token('mounter', [
    'repositories/team/a/content/read',
    'repositories/team/a/content/write',
  ]);
  expect(token).toEndWith('/tokens/mounter');
  secret = await pushBlob(url, 'secret/app', 'nobody of the team may read this');
  shared = await pushBlob(url, 'team/base', 'everybody of the team may read this');
});
afterAll(() => server[Symbol.asyncDispose]());

const jwt = async () => basic('x', await server.people.jwt('team'));

async function mount(authorization: string, digest: string, from: string | undefined, to = 'team/a'): Promise<number> {
  return (await askToMount(authorization, digest, from, to)).status;
}

function askToMount(authorization: string, digest: string, from: string | undefined, to: string): Promise<Response> {
  const query = `mount=${digest}${from === undefined ? '' : `&from=${from}`}`;
  const headers = { Authorization: authorization };
  return fetch(`${server.url}/v2/${to}/blobs/uploads/?${query}`, { method: 'POST', headers });
}

test('lesson 28: a mount needs the right to pull from the source, and is an upload without it', async () => {
  expect(await mount(await jwt(), secret, 'secret/app')).toBe(202);
  expect(await mount(await jwt(), secret, 'missing/app')).toBe(202);
  expect(await mount(await jwt(), secret, 'team/base')).toBe(202);
  expect(await mount(await jwt(), shared, 'team/base')).toBe(201);
});

test('lesson 28: the token has to have been given for the source too', async () => {
  const given = async (...scope: string[]) => bearer(await accessToken(server.url, await jwt(), scope));
  const alone = await given('repository:team/b:pull,push');
  const told = await askToMount(alone, shared, 'team/base', 'team/b');
  expect(told.status).toBe(401);
  expect(told.headers.get('www-authenticate')).toContain(
    'scope="repository:team/b:pull,push repository:team/base:pull",error="insufficient_scope"',
  );
  const pushing = await given('repository:team/b:pull,push', 'repository:team/base:push');
  expect(await mount(pushing, shared, 'team/base', 'team/b')).toBe(401);
  // Another token would not help: it is an upload.
  expect(await mount(alone, secret, 'secret/app', 'team/b')).toBe(202);
  expect(await mount(alone, shared, 'missing/app', 'team/b')).toBe(202);
  const both = await given('repository:team/b:pull,push', 'repository:team/base:pull');
  expect(await mount(both, shared, 'team/base', 'team/b')).toBe(201);
});

test('lesson 29: a mount without a source finds only what the caller may read', async () => {
  expect(await mount(await jwt(), secret, undefined, 'team/c')).toBe(202);
  expect(await mount(await jwt(), digestOf('is nowhere'), undefined, 'team/c')).toBe(202);
  expect(await mount(await jwt(), shared, undefined, 'team/c')).toBe(201);
  const narrow = bearer(await accessToken(server.url, await jwt(), ['repository:team/d:pull,push']));
  expect(await mount(narrow, shared, undefined, 'team/d')).toBe(202);
  expect(await mount(await jwt(), shared, 'team/base', 'secret/app')).toBe(403);
});

test('lesson 13: a session belongs to who opened it', async () => {
  const session = await openUpload(server.url, 'team/a');
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    const answer = await fetch(session, { method, headers: { Authorization: await jwt() } });
    expect(answer.status).toBe(404);
    expect(((await answer.json()) as { errors: { code: string }[] }).errors[0]!.code).toBe('BLOB_UPLOAD_UNKNOWN');
  }
  const put = await fetch(`${session}?digest=${digestOf('')}`, {
    method: 'PUT',
    headers: { Authorization: await jwt() },
  });
  expect(put.status).toBe(404);
  expect((await fetch(session)).status).toBe(204);
});
