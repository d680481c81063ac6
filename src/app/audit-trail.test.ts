import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { makeImage, ociManifest, pushImage } from '../../test/http/registry.ts';
import { accessToken, claimsOf } from '../../test/http/tokens.ts';
import { basic, bearer } from '../../test/support/people.ts';
import { secretsIn, startWatchedApp } from '../../test/support/watched-app.ts';

test('the audit says who did what, from where, by which token, and what was denied and why', async () => {
  await using server = await startWatchedApp();
  const { people, url } = server;
  const id = await people.identity('writer');
  await people.assign('Container Registry Repository Writer', id);
  const token = await accessToken(url, basic('x', await people.jwt('writer')), ['repository:app:pull,push']);
  const image = makeImage();
  const call = (method: string, path: string, body?: string | Uint8Array<ArrayBuffer>, shown = bearer(token)) =>
    fetch(`${url}/v2/${path}`, {
      method,
      headers: { Authorization: shown, 'Content-Type': ociManifest },
      ...(body !== undefined && { body }),
    });
  const since = server.audit().length;
  for (const [digest, bytes] of [
    [image.layerDigest, image.layer],
    [JSON.parse(image.text).config.digest as string, image.config],
  ] as const) {
    expect((await call('POST', `app/blobs/uploads/?digest=${digest}`, bytes)).status).toBe(201);
  }
  expect((await call('PUT', 'app/manifests/latest', image.text)).status).toBe(201);
  const who = {
    actor: id,
    actorName: 'writer',
    identityKind: 'identity',
    tokenId: claimsOf(token)['jti'],
    address: '127.0.0.1',
    registryId: 1,
    requestId: expect.any(String),
  };
  const pushed = { ...who, action: 'push', outcome: 'allowed', target: 'app' };
  expect(server.audit(since)).toMatchObject([pushed, pushed, { ...pushed, path: '/v2/app/manifests/latest' }]);

  // Denied: at once, with the reason. To be asked for credentials is none.
  const jwt = basic('x', await people.jwt('writer'));
  expect((await call('DELETE', 'app/manifests/latest', undefined, jwt)).status).toBe(403);
  expect((await call('GET', 'other/manifests/latest')).status).toBe(401);
  expect((await fetch(`${url}/v2/app/manifests/latest`, { anonymous: true })).status).toBe(401);
  expect(server.audit(since + 3)).toMatchObject([
    { actor: id, action: 'delete', outcome: 'denied', reason: 'not_allowed', target: 'app' },
    { ...who, action: 'pull', outcome: 'denied', reason: 'insufficient_scope', target: 'other' },
  ]);

  // Pulls are written together, at the latest when the server stops.
  for (let times = 0; times < 5; times++) expect((await call('GET', 'app/manifests/latest')).status).toBe(200);
  expect((await call('GET', 'app/tags/list')).status).toBe(200);
  await server.app.stop();
  const [pull, list, ...more] = server.audit(since + 5);
  expect(pull).toMatchObject({ ...who, action: 'pull', outcome: 'allowed', target: 'app', count: 5 });
  expect(list).toMatchObject({ ...who, action: 'list', outcome: 'allowed', target: 'app' });
  expect(more).toEqual([]);
});

test('what looks like a secret is found in a log', () => {
  const jwt = `eyJhbGciOiJFUzI1NiJ9.${'a'.repeat(20)}.${'b'.repeat(20)}`;
  for (const secret of [jwt, `bonded_${'x'.repeat(43)}`, basic('somebody', 'something'), bearer('a'.repeat(20))]) {
    expect(secretsIn(`{"reason":"${secret}"}`).length).toBe(1);
  }
  expect(secretsIn('{"reason":"use a Bearer token, or Basic with a token as password"}')).toEqual([]);
});

test('what is done by attributes is in the audit, too', async () => {
  await using server = await startWatchedApp();
  const { people, url } = server;
  const id = await people.identity('cleaner');
  await people.assign('Container Registry Repository Contributor', id);
  await pushImage(url, 'app', 'v1');
  const authorization = basic('x', await people.jwt('cleaner'));
  const call = (method: string, path: string) =>
    fetch(`${url}/acr/v1/${path}`, { method, headers: { Authorization: authorization } });
  const since = server.audit().length;
  expect((await call('GET', 'app/_tags')).status).toBe(200);
  expect((await call('DELETE', 'app')).status).toBe(202);
  await server.app.stop();
  const who = { actor: id, outcome: 'allowed', target: 'app' };
  expect(server.audit(since)).toMatchObject([
    { ...who, action: 'delete', path: '/acr/v1/app' },
    { ...who, action: 'list', path: '/acr/v1/app/_tags' },
  ]);
});
