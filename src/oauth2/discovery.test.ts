import { expect, test } from 'bun:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { fetch } from '../../test/http/fetch.ts';
import { accessToken, refreshToken } from '../../test/http/tokens.ts';
import { basic, nullUser } from '../../test/support/people.ts';
import { startWatchedApp } from '../../test/support/watched-app.ts';

test('tokens are verified by anybody who reads the discovery document', async () => {
  await using server = await startWatchedApp();
  await server.people.identity('reader');
  const refresh = await refreshToken(server.url, await server.people.jwt('reader'));
  const access = await accessToken(server.url, basic(nullUser, refresh), []);
  const found = await fetch(`${server.url}/.well-known/openid-configuration`, { anonymous: true });
  const document = (await found.json()) as Record<string, string>;
  expect(document).toMatchObject({ issuer: server.url, token_endpoint: `${server.url}/oauth2/token` });
  const keys = createRemoteJWKSet(new URL(document['jwks_uri']!));
  for (const token of [refresh, access]) {
    const expected = { issuer: document['issuer']!, audience: server.host, algorithms: ['ES256'] };
    const { payload, protectedHeader } = await jwtVerify(token, keys, expected);
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'JWT' });
    for (const claim of ['jti', 'sub', 'nbf', 'exp', 'iat', 'iss', 'aud', 'version', 'grant_type']) {
      expect(payload[claim]).toBeDefined();
    }
  }
});

test('the keys are public ones', async () => {
  await using server = await startWatchedApp();
  const answer = await fetch(`${server.url}/oauth2/keys`, { anonymous: true });
  expect(answer.headers.get('cache-control')).toBe('public, max-age=300');
  const { keys } = (await answer.json()) as { keys: Record<string, string>[] };
  expect(keys.length).toBeGreaterThan(0);
  for (const key of keys) {
    expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', kid: expect.any(String) });
    expect(key['d']).toBeUndefined();
  }
});
