import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, makeImage, ociManifest, pushBlob, pushImage } from '../../test/http/registry.ts';
import { accessToken, claimsOf, refreshToken } from '../../test/http/tokens.ts';
import { basic, bearer, nullUser } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

/* Lesson 24: a token dies with the repository that it was made for. */

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
  await server.people.assign('Container Registry Repository Contributor', await server.people.identity('owner'));
});
afterAll(() => server[Symbol.asyncDispose]());

const tables = ['manifest_references', 'tag_history', 'tags', 'manifests', 'blob_links', 'gc_candidates'] as const;

/** What the collector does to an empty repository, and a little more. */
async function removeRepository(name: string): Promise<void> {
  await server.app.storage.db.write(async (tx) => {
    const { id } = (await tx.first<{ id: number }>('SELECT id FROM repositories WHERE name = ?', [name]))!;
    for (const table of tables) await tx.deleteFrom(table).where('repository_id', '=', id).execute();
    await tx.deleteFrom('repositories').where('id', '=', id).execute();
  });
}

const shown = async () => basic('x', await server.people.jwt('owner'));
const tokenFor = async (...scope: string[]) => bearer(await accessToken(server.url, await shown(), scope));

test('lesson 24: whatever is asked of the repository that has taken the name is 401, and a new token is enough', async () => {
  const name = 'reborn';
  await pushImage(server.url, name, 'latest');
  const token = await tokenFor(`repository:${name}:pull,push,delete,metadata_read`, 'repository:target:pull,push');
  const call = (authorization: string, [method, path, body]: [string, string, string?]) =>
    fetch(`${server.url}/v2/${path}`, {
      method,
      headers: { Authorization: authorization, 'Content-Type': ociManifest },
      ...(body !== undefined && { body }),
    });
  const before: [string, string][] = [
    ['GET', `${name}/manifests/latest`],
    ['GET', `${name}/manifests/latest`],
    ['GET', `${name}/tags/list`],
  ];
  for (const one of before) expect((await call(token, one)).status).toBe(200);

  await removeRepository(name);
  // Nothing is there: that is no secret to whoever may make it.
  expect((await call(token, ['GET', `${name}/manifests/latest`])).status).toBe(404);
  const image = makeImage();
  // Nor does it come back by a token for the one that is gone.
  const blob = `${name}/blobs/uploads/?digest=${digestOf(image.config)}`;
  expect((await call(token, ['POST', blob, image.config])).status).toBe(401);
  await pushImage(server.url, name, 'latest', image);

  const asked: [string, string, string?][] = [
    ['GET', `${name}/manifests/latest`],
    ['HEAD', `${name}/manifests/latest`],
    ['GET', `${name}/manifests/${image.digest}`],
    ['HEAD', `${name}/manifests/${image.digest}`],
    ['GET', `${name}/manifests/missing`],
    ['HEAD', `${name}/manifests/missing`],
    ['GET', `${name}/blobs/${image.layerDigest}`],
    ['HEAD', `${name}/blobs/${image.layerDigest}`],
    ['GET', `${name}/blobs/${digestOf('missing')}`],
    ['GET', `${name}/tags/list`],
    ['GET', `${name}/referrers/${image.digest}`],
    ['POST', `${name}/blobs/uploads/?digest=${digestOf('new')}`, 'new'],
    ['PUT', `${name}/manifests/other`, image.text],
    ['DELETE', `${name}/manifests/latest`],
    ['DELETE', `${name}/blobs/${digestOf('missing')}`],
  ];
  for (const one of asked) {
    const answer = await call(token, one);
    expect([one[0], one[1], answer.status]).toEqual([one[0], one[1], 401]);
    expect(answer.headers.get('www-authenticate')).toContain(`scope="repository:${name}:`);
    expect(answer.headers.get('www-authenticate')).toEndWith('error="invalid_token"');
  }
  for (const [method, path] of [
    ['GET', name],
    ['GET', `${name}/_tags`],
    ['GET', `${name}/_tags/latest`],
    ['GET', `${name}/_manifests`],
    ['GET', `${name}/_manifests/${image.digest}`],
    ['DELETE', `${name}/_tags/latest`],
    ['DELETE', name],
  ] as const) {
    const answer = await fetch(`${server.url}/acr/v1/${path}`, { method, headers: { Authorization: token } });
    expect([method, path, answer.status]).toEqual([method, path, 401]);
    expect(answer.headers.get('www-authenticate')).toEndWith('error="invalid_token"');
  }
  // Mounting from it is no more than an upload.
  const mount = `target/blobs/uploads/?mount=${image.layerDigest}`;
  expect((await call(token, ['POST', `${mount}&from=${name}`])).status).toBe(202);
  expect((await call(token, ['POST', mount])).status).toBe(202);

  const fresh = await tokenFor(`repository:${name}:pull,push,delete,metadata_read`);
  expect((await call(fresh, ['GET', `${name}/manifests/latest`])).status).toBe(200);
  expect((await call(fresh, ['PUT', `${name}/manifests/other`, image.text])).status).toBe(201);
  expect(server.audit().filter(({ reason }) => reason === 'repository_replaced').length).toBeGreaterThan(10);
});

test('lesson 24: an upload that began before is not finished into the new one', async () => {
  const name = 'during';
  await pushBlob(server.url, name, 'first');
  const headers = { Authorization: await tokenFor(`repository:${name}:pull,push`) };
  const opened = await fetch(`${server.url}/v2/${name}/blobs/uploads/`, { method: 'POST', headers });
  const session = new URL(opened.headers.get('location')!, server.url);
  await removeRepository(name);
  await pushBlob(server.url, name, 'second');
  const digest = digestOf('mine');
  const put = () => fetch(`${session}?digest=${digest}`, { method: 'PUT', headers, body: 'mine' });
  expect((await put()).status).toBe(401);
  expect((await fetch(`${server.url}/v2/${name}/blobs/${digest}`)).status).toBe(404);
});

test('lesson 24: a token from before there was any repository goes on with the first', async () => {
  const headers = { Authorization: await tokenFor('repository:first:pull,push') };
  for (const body of ['one', 'two']) {
    const url = `${server.url}/v2/first/blobs/uploads/?digest=${digestOf(body)}`;
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(201);
  }
});

test('lesson 24: exchanging the token does not bring it back to life; a refresh token is for no repository', async () => {
  const name = 'swapped';
  await pushImage(server.url, name, 'latest');
  const scope = [`repository:${name}:pull`];
  const refresh = await refreshToken(server.url, await server.people.jwt('owner'));
  const old = await accessToken(server.url, await shown(), scope);
  await removeRepository(name);
  await pushImage(server.url, name, 'latest');
  const swapped = await accessToken(server.url, basic(nullUser, old), scope);
  expect(claimsOf(swapped)['access']).toEqual(claimsOf(old)['access']);
  const status = async (authorization: string) =>
    (await fetch(`${server.url}/v2/${name}/manifests/latest`, { headers: { Authorization: authorization } })).status;
  expect(await status(bearer(swapped))).toBe(401);
  expect(await status(basic(nullUser, refresh))).toBe(200);
  expect(await status(bearer(await accessToken(server.url, basic(nullUser, refresh), scope)))).toBe(200);
});
