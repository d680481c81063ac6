import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf } from '../../test/http/registry.ts';
import { accessToken, claimsOf } from '../../test/http/tokens.ts';
import { basic, bearer } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const digest = digestOf('');
const upload = '0'.repeat(32);

/** Route and method, with the scope and the detail of the challenge (acr §2.1). */
const asked: [method: string, path: string, type: string, name: string, action: string][] = [
  ['GET', 'hello-world/manifests/latest', 'repository', 'hello-world', 'pull'],
  ['HEAD', 'hello-world/manifests/latest', 'repository', 'hello-world', 'pull'],
  ['PUT', 'hello-world/manifests/latest', 'repository', 'hello-world', 'pull,push'],
  ['DELETE', `hello-world/manifests/${digest}`, 'repository', 'hello-world', 'delete'],
  ['GET', `a/b/c/blobs/${digest}`, 'repository', 'a/b/c', 'pull'],
  ['HEAD', `a/b/c/blobs/${digest}`, 'repository', 'a/b/c', 'pull'],
  ['DELETE', `a/blobs/${digest}`, 'repository', 'a', 'delete'],
  ['POST', 'a/blobs/uploads/', 'repository', 'a', 'pull,push'],
  ['GET', `a/blobs/uploads/${upload}`, 'repository', 'a', 'pull,push'],
  ['PATCH', `a/blobs/uploads/${upload}`, 'repository', 'a', 'pull,push'],
  ['PUT', `a/blobs/uploads/${upload}?digest=${digest}`, 'repository', 'a', 'pull,push'],
  ['DELETE', `a/blobs/uploads/${upload}`, 'repository', 'a', 'pull,push'],
  ['GET', 'a/tags/list', 'repository', 'a', 'pull,metadata_read'],
  ['GET', `a/referrers/${digest}`, 'repository', 'a', 'pull,metadata_read'],
  ['GET', '_catalog', 'registry', 'catalog', '*'],
];

describe('a challenge', () => {
  test.each(asked)('of %s %s asks for %s:%s:%s', async (method, path, type, name, action) => {
    const answer = await fetch(`${server.url}/v2/${path}`, { method, anonymous: true });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe(
      `Bearer realm="${server.url}/oauth2/token",service="${server.host}",scope="${type}:${name}:${action}"`,
    );
    expect(answer.headers.get('x-ms-correlation-request-id')).toBe(answer.headers.get('x-request-id'));
    const text =
      `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required",` +
      `"detail":[{"Type":"${type}","Name":"${name}","Action":"${action}"}]}]}`;
    expect(await answer.text()).toBe(method === 'HEAD' ? '' : text);
    expect(answer.headers.get('content-type')).toBe('application/json');
  });

  test('of the base has no scope', async () => {
    for (const path of ['/v2/', '/v2']) {
      const answer = await fetch(`${server.url}${path}`, { anonymous: true });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe(
        `Bearer realm="${server.url}/oauth2/token",service="${server.host}"`,
      );
      expect(await answer.json()).toMatchObject({
        errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }],
      });
    }
  });

  test('says whether a token is bad, or is not for this', async () => {
    const { people, url } = server;
    const id = await people.identity('reader');
    await people.assign('Container Registry Repository Reader', id);
    const call = (authorization: string, path: string) =>
      fetch(`${url}/v2/${path}`, { headers: { Authorization: authorization } });
    const bad = await call(bearer('x.y.z'), 'a/tags/list');
    expect(bad.status).toBe(401);
    expect(bad.headers.get('www-authenticate')).toEndWith(
      ',scope="repository:a:pull,metadata_read",error="invalid_token"',
    );
    const token = await accessToken(url, basic('x', await people.jwt('reader')), ['repository:b:pull']);
    const other = await call(bearer(token), 'a/manifests/latest');
    expect(other.status).toBe(401);
    expect(other.headers.get('www-authenticate')).toEndWith(',scope="repository:a:pull",error="insufficient_scope"');
    expect((await call(bearer(token), 'b/manifests/latest')).status).toBe(404);
  });
});

describe('lesson 15: the realm', () => {
  test('is that of the configuration, whatever Host and forwarded headers say', async () => {
    const settings = { publicUrl: 'https://registry.example.com', hosts: 'registry.example.com,other.example.com' };
    await using behind = await startWatchedApp({ settings });
    for (const host of ['registry.example.com', 'other.example.com', 'localhost']) {
      const headers = { Host: host, 'X-Forwarded-Host': 'evil.example.com', 'X-Forwarded-Proto': 'http' };
      const answer = await fetch(`${behind.url}/v2/`, { headers, anonymous: true });
      expect(answer.headers.get('www-authenticate')).toBe(
        'Bearer realm="https://registry.example.com/oauth2/token",service="registry.example.com"',
      );
    }
    const evil = await fetch(`${behind.url}/v2/`, { headers: { Host: 'evil.example.com' }, anonymous: true });
    expect(evil.status).toBe(403);
    expect(evil.headers.get('www-authenticate')).toBeNull();
    await behind.people.registry({ anonymousPullEnabled: true });
    const query = 'service=registry.example.com&scope=repository:a:pull';
    const given = await fetch(`${behind.url}/oauth2/token?${query}`, { anonymous: true });
    const { access_token: token } = (await given.json()) as { access_token: string };
    expect(claimsOf(token)).toMatchObject({ iss: 'https://registry.example.com', aud: 'registry.example.com' });
  });
});

test('lesson 19: /v2/ challenges also where everybody may pull, and lets in whoever has a token', async () => {
  await using open = await startWatchedApp();
  await open.people.registry({ anonymousPullEnabled: true });
  expect((await fetch(`${open.url}/v2/`, { anonymous: true })).status).toBe(401);
  expect((await fetch(`${open.url}/v2/a/manifests/latest`, { anonymous: true })).status).toBe(404);
  const token = await accessToken(open.url, undefined, ['repository:a:pull']);
  expect((await fetch(`${open.url}/v2/`, { headers: { Authorization: bearer(token) } })).status).toBe(200);
});
