import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf } from '../../test/http/registry.ts';
import { accessToken, claimsOf, exchange, getToken, postToken, refreshToken } from '../../test/http/tokens.ts';
import { basic, bearer, issuer, makePassword, nullUser } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
  const id = await server.people.identity('writer');
  await server.people.assign('Container Registry Repository Writer', id);
});
afterAll(() => server[Symbol.asyncDispose]());

const writer = () => server.people.jwt('writer');
const bodyOf = async (answer: Response) => (await answer.json()) as Record<string, string>;

describe('an exchange', () => {
  test('gives a refresh token, and nothing else', async () => {
    const answer = await exchange(server.url, await writer(), { tenant: 'any' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('content-type')).toStartWith('application/json');
    const body = await bodyOf(answer);
    expect(Object.keys(body)).toEqual(['refresh_token']);
    const claims = claimsOf(body['refresh_token']!);
    expect(claims).toMatchObject({ version: '1.0', grant_type: 'refresh_token', iss: server.url, aud: server.host });
    expect(claims['access']).toBeUndefined();
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(3 * 3600);
    expect(claims['nbf'] as number).toBeLessThanOrEqual(claims['iat'] as number);
  });

  test('takes the names of grants that ACR has deprecated', async () => {
    const both = await exchange(server.url, await writer(), {
      grant_type: 'access_token_refresh_token',
      refresh_token: 'is not looked at',
    });
    expect(both.status).toBe(200);
    const refresh = (await bodyOf(both))['refresh_token']!;
    const again = await exchange(server.url, '', { grant_type: 'refresh_token', refresh_token: refresh });
    expect(again.status).toBe(200);
  });

  test('of a refresh token lasts no longer than that one', async () => {
    let now = Date.now();
    await using later = await startWatchedApp({ now: () => now });
    await later.people.identity('writer');
    const first = await refreshToken(later.url, await later.people.jwt('writer'));
    now += 2 * 3600_000;
    const second = await refreshToken(later.url, first);
    expect(claimsOf(second)['exp'] as number).toBeLessThanOrEqual(claimsOf(first)['exp'] as number);
    now += 3600_000 + 1000;
    for (const token of [first, second]) expect((await exchange(later.url, token)).status).toBe(401);
  });

  test('may be repeated while the token lasts: each is recorded with the token that was shown', async () => {
    const since = server.audit().length;
    const token = await server.people.jwt('writer', { jti: 'shown-twice' });
    const [one, other] = [await refreshToken(server.url, token), await refreshToken(server.url, token)];
    expect(claimsOf(one)['jti']).not.toBe(claimsOf(other)['jti']);
    expect(server.audit(since)).toMatchObject(
      [one, other].map((given) => ({
        action: 'token.exchange',
        outcome: 'allowed',
        tokenId: 'shown-twice',
        identityKind: 'identity',
        issued: claimsOf(given)['jti'],
      })),
    );
  });

  test('of an access token is refused', async () => {
    const token = await accessToken(server.url, basic('x', await writer()), ['repository:a:pull']);
    for (const fields of [{}, { grant_type: 'refresh_token', refresh_token: token }]) {
      expect((await exchange(server.url, token, fields)).status).toBe(401);
    }
    expect((await postToken(server.url, { grant_type: 'refresh_token', refresh_token: token })).status).toBe(401);
  });
});

describe('an access token', () => {
  test('is given for a refresh token, for a password, and for Basic, all the same', async () => {
    const refresh = await refreshToken(server.url, await writer());
    const scope = ['repository:a:pull,push,delete', 'repository:b/c:pull'];
    const answers = [
      await postToken(server.url, { grant_type: 'refresh_token', refresh_token: refresh, scope }),
      await postToken(server.url, { grant_type: 'password', username: nullUser, password: refresh, scope }),
      await postToken(server.url, { grant_type: 'password', username: 'any', password: await writer(), scope }),
      await getToken(server.url, basic(nullUser, refresh), scope),
      await getToken(server.url, basic('any', await writer()), scope),
      await getToken(server.url, bearer(refresh), [scope.join(' ')]),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      const body = await bodyOf(answer);
      expect(Object.keys(body)).toEqual(['access_token', 'expires_in']);
      const claims = claimsOf(body['access_token']!);
      expect(claims).toMatchObject({
        version: '1.0',
        grant_type: 'access_token',
        iss: server.url,
        aud: server.host,
        access: [
          { type: 'repository', name: 'a', actions: ['pull', 'push'] },
          { type: 'repository', name: 'b/c', actions: ['pull'] },
        ],
      });
      expect(Number(claims['exp']) - Number(claims['iat'])).toBe(4500);
      expect(body['expires_in']).toBe(4500 as never);
    }
  });

  test.each([
    ['*', 'repository:a:*', ['pull', 'push', 'metadata_read', 'metadata_write']],
    ['pull', 'repository:a:pull', ['pull']],
    ['metadata', 'repository:a:metadata_write,metadata_read', ['metadata_read', 'metadata_write']],
    ['delete', 'repository:a:delete,metadata_read', ['metadata_read']],
    ['a class', 'repository(plugin):a:pull', ['pull']],
  ])('has the subset of %s that may be granted', async (_, scope, actions) => {
    const token = await accessToken(server.url, basic('x', await writer()), [scope]);
    expect(claimsOf(token)['access']).toEqual([{ type: 'repository', name: 'a', actions }]);
  });

  test('has the catalog for whoever may list it or sees anything, and never what is unknown', async () => {
    const scope = ['registry:catalog:*', 'registry:deleted_catalog:*', 'registry:nothing:*', 'registry:catalog:pull'];
    const odd = ['repository:A:pull', 'repository:a', 'artifact-repository:repo:pull', 'repository:a:fly', ':::', ''];
    const token = await accessToken(server.url, basic('x', await writer()), [...scope, ...odd]);
    expect(claimsOf(token)['access']).toEqual([{ type: 'registry', name: 'catalog', actions: ['*'] }]);
    const nobody = await accessToken(server.url, basic('x', await server.people.jwt('nobody')), [...scope, ...odd]);
    expect(claimsOf(nobody)['access']).toEqual([]);
  });

  test('for an access token says no more and lasts no longer', async () => {
    let now = Date.now();
    await using later = await startWatchedApp({ now: () => now });
    await later.people.assign('Container Registry Repository Writer', await later.people.identity('writer'));
    const first = await accessToken(later.url, basic('x', await later.people.jwt('writer')), ['repository:a:pull']);
    now += 1800_000;
    const scope = ['repository:a:pull,push', 'repository:b:pull', 'registry:catalog:*'];
    const second = claimsOf(await accessToken(later.url, basic(nullUser, first), scope));
    expect(second['access']).toEqual([{ type: 'repository', name: 'a', actions: ['pull'] }]);
    expect(second['exp'] as number).toBeLessThanOrEqual(claimsOf(first)['exp'] as number);
    now += 4500_000;
    expect((await getToken(later.url, basic(nullUser, first), scope)).status).toBe(401);
  });

  test('lasts as long as is configured', async () => {
    await using short = await startWatchedApp({ settings: { 'tokens.access': '1m', 'tokens.refresh': '5m' } });
    await short.people.identity('writer');
    const refresh = await refreshToken(short.url, await short.people.jwt('writer'));
    const access = await accessToken(short.url, basic(nullUser, refresh), []);
    const [one, other] = [claimsOf(refresh), claimsOf(access)];
    expect([one, other].map(({ exp, iat }) => Number(exp) - Number(iat))).toEqual([300, 60]);
  });

  test('has no more repositories than it has room for', async () => {
    const groups = Array.from({ length: 150 }, (_, at) => `${at}`.padStart(36, 'g'));
    const claims = Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`claim${at}`, '\u00e4'.repeat(50)]));
    const odd = { ['n'.repeat(200)]: 'x', long: 'x'.repeat(2000), groups: ['x'.repeat(300), ...groups] };
    const last = { principalType: 'Group', principalId: groups.at(-1)!, issuer };
    await server.people.assign('Container Registry Repository Contributor', last);
    const refresh = await refreshToken(server.url, await server.people.jwt('writer', { ...claims, ...odd }));
    const scope = Array.from({ length: 100 }, (_, at) => `repository:${'n'.repeat(20)}/${at}:delete`);
    const given = await postToken(server.url, { grant_type: 'refresh_token', refresh_token: refresh, scope });
    const token = (await bodyOf(given))['access_token']!;
    // Of a group that something is assigned to, it is always said that somebody is in it.
    const { access, holder } = claimsOf(token) as { access: unknown[]; holder: { groups: string[] } };
    expect(access.length).toBeGreaterThan(10);
    expect(holder.groups).toContain(groups.at(-1)!);
    for (const authorization of [bearer(token), basic(nullUser, token)]) {
      const headers = { Authorization: authorization };
      expect((await fetch(`${server.url}/v2/`, { headers })).status).toBe(200);
    }
  });

  test('for what is longer than any token is not given', async () => {
    const groups = Array.from({ length: 400 }, (_, at) => `${at}`.padStart(36, 'g'));
    const answer = await exchange(server.url, await server.people.jwt('writer', { groups }));
    expect(answer.status).toBe(401);
    expect((await errorOf(answer)).message).toContain('longer than 16 KiB');
  });
});

describe('lesson 20: an anonymous client', () => {
  test('gets no token where nothing is open', async () => {
    const answer = await getToken(server.url, undefined, ['repository:a:pull']);
    expect(answer.status).toBe(401);
    expect(await errorOf(answer)).toMatchObject({ code: 'UNAUTHORIZED', message: 'authentication required' });
  });

  test('gets a token for what it may do where something is, whatever it asks for', async () => {
    await using open = await startWatchedApp();
    await open.people.registry({ anonymousPullRepositories: ['public/*', 'hello'] });
    const asked = [
      'repository:public/a:pull,push',
      'repository:private:pull',
      'repository:hello:*',
      'registry:catalog:*',
    ];
    const token = await accessToken(open.url, undefined, asked);
    expect(claimsOf(token)['access']).toEqual([
      { type: 'repository', name: 'public/a', actions: ['pull'] },
      { type: 'repository', name: 'hello', actions: ['pull', 'metadata_read'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
    ]);
    const call = (method: string, path: string, headers: Record<string, string> = {}) =>
      fetch(`${open.url}/v2/${path}`, { method, headers, anonymous: true });
    const shown = { Authorization: bearer(token) };
    for (const headers of [{}, shown]) {
      // Missing rights are 401: somebody with a name might have them.
      expect((await call('GET', 'private/manifests/latest', headers)).status).toBe(401);
      expect((await call('PUT', 'public/a/manifests/latest', headers)).status).toBe(401);
      expect((await call('GET', 'public/a/manifests/latest', headers)).status).toBe(404);
      expect((await call('GET', 'public/manifests/latest', headers)).status).toBe(401);
    }
    await open.people.registry({ anonymousPullRepositories: [] });
    expect((await call('GET', 'public/a/manifests/latest', shown)).status).toBe(401);
    expect((await getToken(open.url, undefined, asked)).status).toBe(401);
  });
});

describe('a request for a token', () => {
  const form = (body: string, type = 'application/x-www-form-urlencoded', path = 'token') =>
    fetch(`${server.url}/oauth2/${path}`, {
      method: 'POST',
      body,
      headers: { 'Content-Type': type },
      anonymous: true,
    });

  test('is a form', async () => {
    for (const path of ['token', 'exchange']) {
      for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain', '']) {
        const answer = await form('grant_type=password', type, path);
        expect(answer.status).toBe(400);
        expect((await errorOf(answer)).message).toContain('application/x-www-form-urlencoded');
      }
      const answer = await form('grant_type=nothing', 'Application/X-WWW-Form-Urlencoded; charset=utf-8', path);
      expect((await errorOf(answer)).message).toStartWith('grant_type must be');
    }
  });

  test.each([
    ['token', 'grant_type=refresh_token', 'refresh_token is missing'],
    ['token', 'grant_type=refresh_token&refresh_token=', 'refresh_token is missing'],
    ['token', '', 'grant_type is missing'],
    ['token', 'grant_type=password&username=a', 'password is missing'],
    ['token', 'grant_type=password&password=a', 'username is missing'],
    ['token', 'grant_type=password&password=a&password=b&username=c', 'password comes more than once'],
    ['token', 'grant_type=password&grant_type=refresh_token', 'grant_type comes more than once'],
    ['token', 'grant_type=authorization_code', 'grant_type must be refresh_token or password'],
    ['token', 'grant_type=__proto__', 'grant_type must be refresh_token or password'],
    ['exchange', 'grant_type=access_token', 'access_token is missing'],
    ['exchange', 'grant_type=access_token&access_token=a&access_token=b', 'access_token comes more than once'],
    ['exchange', 'grant_type=refresh_token&access_token=a', 'refresh_token is missing'],
    ['exchange', 'grant_type=password', 'grant_type must be access_token'],
    ['exchange', 'grant_type=access_token&access_token=a&service=a&service=b', 'service comes more than once'],
    ['exchange', 'grant_type=access_token&access_token=a&service=other.example', 'service names another registry'],
    ['token', 'grant_type=password&username=a&password=b&service=other.example', 'service names another registry'],
  ])('to %s with %s: %s', async (path, body, message) => {
    const answer = await form(body, undefined, path);
    expect(answer.status).toBe(400);
    expect((await errorOf(answer)).message).toContain(message);
  });

  test('by GET for another registry, by another method, or far too long', async () => {
    const get = (query: string, method = 'GET') =>
      fetch(`${server.url}/oauth2/token?${query}`, { method, anonymous: true });
    expect((await get('service=other.example')).status).toBe(400);
    expect((await get(`service=${server.host}&service=${server.host}`)).status).toBe(400);
    const put = await get('', 'PUT');
    expect(put.status).toBe(405);
    expect(put.headers.get('allow')).toBe('GET, POST');
    const long = await form(`grant_type=password&username=${'a'.repeat(70_000)}&password=b`);
    expect(long.status).toBe(413);
  });
});

test('a token of nobody whom the registry trusts is refused in the words of ACR', async () => {
  const token = await server.people.jwt('stranger', { iss: 'https://nobody.test' });
  const body = new URLSearchParams({ grant_type: 'access_token', access_token: token });
  const answer = await fetch(`${server.url}/oauth2/exchange`, { method: 'POST', body, anonymous: true });
  expect(answer.status).toBe(401);
  expect((await errorOf(answer)).message).toStartWith('Application not registered with AAD');
});

describe('the admin user', () => {
  test('of a registry that has none is told so, with the right password only', async () => {
    const { value } = await makePassword(server.app, { kind: 'admin', name: 'default' });
    const wrong = await getToken(server.url, basic('default', `${value}x`));
    expect(wrong.status).toBe(401);
    for (const answer of [
      await getToken(server.url, basic('default', value)),
      await postToken(server.url, { grant_type: 'password', username: 'default', password: value }),
      await fetch(`${server.url}/v2/`, { headers: { Authorization: basic('default', value) } }),
    ]) {
      expect(answer.status).toBe(403);
      expect(await errorOf(answer)).toMatchObject({ code: 'DENIED', message: 'Admin user is disabled' });
      expect(answer.headers.get('www-authenticate')).toBeNull();
    }
    await server.people.registry({ adminUserEnabled: true });
    const token = await accessToken(server.url, basic('DEFAULT', value), ['repository:a:*', 'registry:catalog:*']);
    expect(claimsOf(token)).toMatchObject({
      sub: 'admin',
      access: [
        { name: 'a', actions: ['*'] },
        { name: 'catalog', actions: ['*'] },
      ],
    });
    await server.people.registry({ adminUserEnabled: false });
    const call = await fetch(`${server.url}/v2/`, { headers: { Authorization: bearer(token) } });
    expect(call.status).toBe(401);
  });
});
