import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { credentialsFor } from '../../test/support/credentials.ts';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf } from '../../test/http/registry.ts';
import { accessToken, refreshToken } from '../../test/http/tokens.ts';
import { basic, bearer, makePassword, nullUser } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
  await server.people.assign('Container Registry Repository Reader', await server.people.identity('kubelet'));
  await server.people.token('robot', ['repositories/app/content/read']);
});
afterAll(() => server[Symbol.asyncDispose]());

const call = (authorization: string, path = '/v2/') =>
  fetch(`${server.url}${path}`, { headers: { Authorization: authorization } });

test('lesson 23: the password of Basic is a password, a refresh token, an access token or a JWT, by its shape', async () => {
  const { value } = await makePassword(server.app, { kind: 'token', name: 'robot' });
  const jwt = await server.people.jwt('kubelet');
  const refresh = await refreshToken(server.url, jwt);
  const access = await accessToken(server.url, basic('kubelet', jwt), ['repository:app:pull']);
  const shown = {
    password: basic('robot', value),
    'password, the name in capitals': basic('ROBOT', value),
    'refresh token': basic(nullUser, refresh),
    'access token': basic(nullUser, access),
    JWT: basic('<token>', jwt),
    'JWT without a name': basic('', jwt),
    'operator token': credentialsFor(server.url).authorization,
    'as Bearer': bearer(jwt),
    'refresh token as Bearer': bearer(refresh),
    'scheme in capitals': basic(nullUser, refresh).replace('Basic', 'BASIC '),
  };
  for (const [name, authorization] of Object.entries(shown)) {
    expect([name, (await call(authorization)).status]).toEqual([name, 200]);
    expect([name, (await call(authorization, '/v2/app/manifests/latest')).status]).toEqual([name, 404]);
  }
  for (const [user, password] of [
    ['robot', `${value}x`],
    ['robo', value],
    ['default', value],
    [value, 'robot'],
    ['robot', ''],
  ]) {
    const answer = await call(basic(user!, password!));
    expect(answer.status).toBe(401);
    expect((await errorOf(answer)).message).toBe('authentication required: the user name or password is not right');
  }
  // Of two readers, each might see something else in this.
  const odd = basic('robot', value);
  expect((await call(`${odd.slice(0, -4)}!${odd.slice(-4)}`)).status).toBe(401);
});

const encode = (text: string | Uint8Array) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('an Authorization header that is none', () => {
  test.each([
    ['without a colon', 'malformed', encode('robot')],
    ['with nothing', 'scheme', 'Basic'],
    ['empty', 'scheme', 'Basic '],
    ['that is not base64', 'malformed', 'Basic ***:***'],
    ['in the alphabet of URLs', 'malformed', 'Basic cm9ib3Q6_-8'],
    ['padded in the middle', 'malformed', 'Basic cm9=ib3Q6eA'],
    ['with a NUL', 'malformed', encode('robot\0:x')],
    ['with a line break', 'malformed', encode('robot:x\r\nlevel: error')],
    ['that is not UTF-8', 'malformed', encode(new Uint8Array([0x72, 0x3a, 0xff, 0xfe]))],
    ['with a name of 10 KiB', 'wrong_password', encode(`${'n'.repeat(10_240)}:x`)],
    ['with a password of 10 KiB', 'wrong_password', encode(`robot:${'p'.repeat(10_240)}`)],
    ['of another scheme', 'scheme', 'Digest username="robot"'],
    ['of a scheme without a name', 'scheme', ': x'],
    ['with two tokens', 'scheme', 'Bearer a.b.c a.b.c'],
    ['with a token that is none', 'malformed', 'Bearer hello'],
    ['with a token of 14 KiB', 'malformed', `Bearer ${'a'.repeat(14_000)}`],
    [
      'with a JWT of nothing',
      'malformed',
      `Bearer ${Buffer.from('{}').toString('base64url')}.${Buffer.from('null').toString('base64url')}.AAAA`,
    ],
  ])('%s is 401 with a challenge, and recorded as %s', async (_, reason, authorization) => {
    const since = server.audit().length;
    const answer = await call(authorization);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toStartWith(`Bearer realm="${server.url}/oauth2/token"`);
    const { message } = await errorOf(answer);
    const shown = authorization.slice(8, 30);
    expect(shown.length > 4 && message.includes(shown)).toBe(false);
    expect(server.audit(since)).toMatchObject([{ outcome: 'denied', reason }]);
  });
});
