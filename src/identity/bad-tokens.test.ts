import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createHmac, generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { fetch } from '../../test/http/fetch.ts';
import { accessToken, claimsOf, exchange, getToken, hostOf, postToken, refreshToken } from '../../test/http/tokens.ts';
import { basic, bearer, issuer, jwt, nullUser } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { makeKey } from './federation/test-issuer.double.ts';
import { ecKeyOf } from '../keys/ec-key.ts';
import { readOperatorKey, signOperatorToken, signerOf, signJws } from '../keys/index.ts';

/* Tokens that somebody made to get in. Each is refused at every door, and the audit has the reason. */

let server: WatchedApp;
let stranger: Awaited<ReturnType<typeof makeKey>>;
beforeAll(async () => {
  // More guesses than any client may make.
  server = await startWatchedApp({ settings: { 'throttle.failedLogins': 0 } });
  await server.people.assign('Container Registry Repository Contributor', await server.people.identity('victim'));
  stranger = await makeKey('people-1', 'ES256');
});
afterAll(() => server[Symbol.asyncDispose]());

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const now = () => Math.floor(Date.now() / 1000);

/** Every door that takes a token; resolves once each has refused it with the same reason. */
async function expectRefused(token: string, reason: string): Promise<void> {
  const since = server.audit().length;
  const { url } = server;
  const answers = [
    await fetch(`${url}/v2/app/manifests/latest`, { headers: { Authorization: bearer(token) } }),
    await fetch(`${url}/v2/`, { headers: { Authorization: basic(nullUser, token) } }),
    await getToken(url, basic(nullUser, token), ['repository:app:pull']),
    await postToken(url, { grant_type: 'refresh_token', refresh_token: token }),
    await postToken(url, { grant_type: 'password', username: 'x', password: token }),
    await exchange(url, token),
  ];
  for (const answer of answers) {
    expect(answer.status).toBe(401);
    const text = await answer.text();
    expect(text).not.toMatch(/eyJ|\bat \/|\.ts\b|SELECT|node_modules/);
    expect(text).not.toContain(token.slice(0, 40));
  }
  const records = server.audit(since);
  expect(records.map((record) => [record['outcome'], record['reason']])).toEqual(answers.map(() => ['denied', reason]));
}

describe('a token of an issuer that is', () => {
  type Make = () => string | Promise<string>;
  const of = (claims: Record<string, unknown>, header = {}) => server.people.jwt('victim', claims, header);
  const cases: [string, string, Make][] = [
    ['expired', 'expired', () => of({ iat: now() - 7200, nbf: now() - 7200, exp: now() - 3600 })],
    ['not yet valid', 'not_yet_valid', () => of({ nbf: now() + 1800 })],
    ['from the future', 'issued_in_future', () => of({ iat: now() + 1800, nbf: now() })],
    ['for another audience', 'wrong_audience', () => of({ aud: 'another' })],
    ['without an audience', 'missing_claim', () => of({ aud: undefined })],
    ['without a time of issue', 'missing_claim', () => of({ iat: undefined })],
    ['without an end', 'missing_claim', () => of({ exp: undefined })],
    ['valid for a year', 'lifetime_too_long', () => of({ exp: now() + 365 * 86_400 })],
    ['of another issuer', 'unknown_issuer', () => of({ iss: 'https://evil.test' })],
    ['of almost this issuer', 'wrong_issuer', () => of({ iss: `${issuer}/` })],
    ['without an issuer', 'missing_claim', () => of({ iss: undefined })],
    ['signed by a key of the same name', 'bad_signature', () => jwt(stranger, 'victim')],
    ['signed by a key nobody knows', 'unknown_key', () => jwt({ ...stranger, kid: 'other' }, 'victim')],
    [
      'alg: none',
      'alg_not_allowed',
      async () => {
        const [, claims] = (await of({})).split('.');
        return `${encode({ alg: 'none', kid: 'people-1' })}.${claims}.AAAA`;
      },
    ],
    [
      'signed by the public key as a secret (key confusion)',
      'alg_not_allowed',
      async () => {
        const [, claims] = (await of({})).split('.');
        const input = `${encode({ alg: 'HS256', kid: 'people-1' })}.${claims}`;
        const mac = createHmac('sha256', JSON.stringify(server.people.key.jwk)).update(input).digest('base64url');
        return `${input}.${mac}`;
      },
    ],
    ['with a key of its own (jwk)', 'embedded_key', async () => jwt(stranger, 'victim', {}, { jwk: stranger.jwk })],
    [
      'with the address of a key (jku)',
      'embedded_key',
      () => jwt(stranger, 'victim', {}, { jku: 'http://127.0.0.1/' }),
    ],
    [
      'with the address of a chain (x5u)',
      'embedded_key',
      () => jwt(stranger, 'victim', {}, { x5u: 'http://127.0.0.1/' }),
    ],
    ['cut short', 'bad_signature', async () => (await of({})).replace(/.{86}$/, 'A'.repeat(86))],
    [
      'changed',
      'bad_signature',
      async () =>
        (await of({})).replace(
          /\.[\w-]+\./,
          `.${encode({ iss: issuer, sub: 'x', aud: 'bonded', iat: now(), exp: now() + 60 })}.`,
        ),
    ],
    ['two in one', 'malformed', async () => (await of({ rid: undefined })).replace('.', '.e30.')],
  ];
  test.each(cases)('%s is refused: %s', async (_, reason, make) => {
    const token = await make();
    // What has four parts is no token by its shape, and so is a wrong password.
    if (token.split('.').length !== 3) {
      const answer = await fetch(`${server.url}/v2/`, { headers: { Authorization: bearer(token) } });
      expect(answer.status).toBe(401);
      return;
    }
    await expectRefused(token, reason);
  });

  test('signed by many keys that nobody knows makes no work', async () => {
    for (let at = 0; at < 200; at++) {
      const token = await jwt({ ...stranger, kid: `storm-${at}` }, 'victim');
      const answer = await fetch(`${server.url}/v2/`, { headers: { Authorization: bearer(token) } });
      expect(answer.status).toBe(401);
    }
  });
});

describe('a token that claims to be ours and', () => {
  const claims = (more: Record<string, unknown> = {}) => ({
    jti: randomUUID(),
    sub: 'operator',
    iss: server.url,
    aud: hostOf(server.url),
    iat: now(),
    nbf: now(),
    exp: now() + 3600,
    version: '1.0',
    grant_type: 'refresh_token',
    rid: 1,
    mode: 'AbacRepositoryPermissions',
    holder: { kind: 'operator', name: 'local operator' },
    ...more,
  });
  const ours = (more: Record<string, unknown> = {}) => server.app.access.keys.sign(claims(more));

  test('is as we write it, is believed: the cases below differ in one thing', async () => {
    const answer = await fetch(`${server.url}/v2/`, { headers: { Authorization: bearer(ours()) } });
    expect(answer.status).toBe(200);
  });

  const cases: [string, string, () => string | Promise<string>][] = [
    ['has expired', 'expired', () => ours({ exp: now() - 1 })],
    ['is not yet valid', 'not_yet_valid', () => ours({ nbf: now() + 600 })],
    ['is for another registry', 'wrong_audience', () => ours({ rid: 2 })],
    ['is of another mode', 'mode_changed', () => ours({ mode: 'LegacyRegistryPermissions' })],
    ['lacks a claim', 'malformed', () => ours({ iat: undefined })],
    ['is of a kind that there is not', 'malformed', () => ours({ holder: { kind: 'root', name: 'x' } })],
    [
      'is of a password that is gone',
      'password_gone',
      () => ours({ holder: { kind: 'admin', name: 'default', password: 'x' } }),
    ],
    ['is of no password', 'password_gone', () => ours({ holder: { kind: 'token', name: 'x' } })],
    [
      'is signed by an issuer that is trusted',
      'unknown-kid',
      () =>
        new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: 'people-1' }).sign(server.people.key.privateKey),
    ],
    [
      'is signed by somebody under our kid',
      'signature',
      async () => {
        const [{ kid } = { kid: '' }] = server.app.access.keys.jwks().keys;
        return new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid }).sign(stranger.privateKey);
      },
    ],
    [
      'brings its key',
      'header-member',
      async () => {
        const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
        const jwk = await exportJWK(publicKey);
        return new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: 'x', jwk }).sign(privateKey);
      },
    ],
    ['has no algorithm', 'algorithm', () => `${encode({ alg: 'none' })}.${encode(claims())}.AAAA`],
  ];
  test.each(cases)('%s is refused: %s', async (_, reason, make) => expectRefused(await make(), reason));

  test('is an identity that does not have it any more, is let in nowhere', async () => {
    const gone = ours({ sub: randomUUID(), holder: { kind: 'identity', name: 'gone', issuer } });
    const answer = await fetch(`${server.url}/v2/`, { headers: { Authorization: bearer(gone) } });
    expect(answer.status).toBe(401);
  });
});

describe('a token of the operator', () => {
  const sign = async (options: { audience?: string; now?: () => number } = {}) =>
    signOperatorToken(await readOperatorKey(server.data), { audience: hostOf(server.url), ...options });

  test('for another server, of yesterday, or of another key is refused', async () => {
    await expectRefused(await sign({ audience: 'registry.example.com' }), 'audience');
    await expectRefused(await sign({ now: () => Date.now() - 600_000 }), 'expired');
    await expectRefused(await sign({ now: () => Date.now() + 600_000 }), 'early');
    const key = ecKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    await expectRefused(signOperatorToken(key, { audience: hostOf(server.url) }), 'unknown-kid');
    const { kid, privateKey } = await readOperatorKey(server.data);
    const plain = {
      iss: 'urn:bonded:operator',
      sub: 'operator',
      aud: hostOf(server.url),
      iat: now(),
      exp: now() + 60,
      jti: 'x',
    };
    await expectRefused(signJws(signerOf(kid, privateKey), plain), 'type');
  });

  test('is a bearer token of minutes: it may be shown again until it ends, and each time is recorded by its id', async () => {
    const token = await sign();
    const { jti } = claimsOf(token);
    const since = server.audit().length;
    for (let times = 0; times < 2; times++) expect((await exchange(server.url, token)).status).toBe(200);
    expect(server.audit(since).map(({ tokenId }) => tokenId)).toEqual([jti, jti]);
  });
});

async function temporaryDirectory(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'bonded-config-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test('a token is of one registry: another one of the same server does not take it', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'bonded.yaml');
  await writeFile(file, 'registries:\n  - name: other\n');
  await using two = await startWatchedApp({ file });
  await two.people.registry({ anonymousPullEnabled: true });
  await two.people.identity('victim');
  const token = await refreshToken(two.url, await two.people.jwt('victim'));
  const anonymous = await accessToken(two.url, undefined, ['repository:app:pull']);
  for (const shown of [token, anonymous]) {
    const headers = { Authorization: bearer(shown) };
    expect((await fetch(`${two.url}/v2/`, { headers })).status).toBe(200);
    const there = await fetch(`${two.url}/v2/`, { headers: { ...headers, Host: 'other.localhost' } });
    expect(there.status).toBe(401);
  }
  expect(two.audit().filter(({ reason }) => reason === 'wrong_audience').length).toBe(2);
});
