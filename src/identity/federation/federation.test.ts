import { afterAll, beforeAll, expect, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { type CryptoKey, exportSPKI, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { createOutbound } from '../../outbound/index.ts';
import { createLog } from '../../telemetry/index.ts';
import { createFederation, type RefusedToken, type VerifiedToken } from './federation.ts';
import { audience, claimsOf, makeKey, openTestIssuer, signRaw, type TestKey } from './test-issuer.double.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';

const start = 1_800_000_000_000;
const seconds = Math.floor(start / 1000);
let issuer: Awaited<ReturnType<typeof openTestIssuer>>;
let trusted: TrustedIssuer;
let stranger: TestKey;
let federation: ReturnType<typeof createFederation>;
let lines: string[];

beforeAll(async () => {
  issuer = await openTestIssuer();
  trusted = issuer.trust();
  stranger = await makeKey('key-1');
  lines = [];
  const outbound = createOutbound({
    allow: ['127.0.0.0/8'],
    ca: [issuer.authority],
    resolve: async () => ['127.0.0.1'],
  });
  const log = createLog({ level: 'debug', format: 'json' }, false, (line) => void lines.push(line));
  federation = createFederation({ outbound, now: () => start, log });
});

afterAll(() => issuer[Symbol.asyncDispose]());

const verify = (token: string, more: Parameters<typeof issuer.trust>[0] = {}) =>
  federation.verify(token, [issuer.trust(more)]);

async function reasonOf(verifying: Promise<VerifiedToken | RefusedToken>): Promise<string> {
  const result = await verifying;
  return result.ok ? 'accepted' : result.reason;
}

test('a token of a service account is whose it says, over TLS with an authority of ours', async () => {
  const result = await federation.verify(await issuer.token(start), [trusted]);
  if (!result.ok) throw new Error(result.reason);
  expect(result.subject).toBe('system:serviceaccount:shop:puller');
  expect(result.issuer).toBe(trusted);
  expect(result.expiresAt).toBe((seconds + 3600) * 1000);
  expect([result.groups, result.groupsComplete]).toEqual([[], true]);
  expect(result.claims).toMatchObject({ 'kubernetes.io': { namespace: 'shop' } });
});

test.each<[title: string, reason: string, claims: object]>([
  ['an expired token', 'expired', { exp: seconds - 61 }],
  ['one that expired within the skew', 'accepted', { exp: seconds - 59, iat: seconds - 100 }],
  ['one that is not yet valid', 'not_yet_valid', { nbf: seconds + 61 }],
  ['one that is valid within the skew', 'accepted', { nbf: seconds + 59 }],
  ['one from the future', 'issued_in_future', { iat: seconds + 61, nbf: undefined }],
  ['one that lives for a year', 'lifetime_too_long', { exp: seconds + 366 * 86_400 }],
  // As Entra makes them for managed identities and applications: for a day, from five minutes before.
  ['one that lives for a day and begins early', 'accepted', { iat: seconds - 300, exp: seconds + 86_400 }],
  ['one that lives for an hour more', 'lifetime_too_long', { iat: seconds - 300, exp: seconds + 90_000 }],
  ['one that ends before it begins', 'malformed', { iat: seconds + 30, exp: seconds + 20 }],
  ['a wrong audience', 'wrong_audience', { aud: 'https://other.test' }],
  ['an audience that begins like ours', 'wrong_audience', { aud: `${audience}.evil.test` }],
  ['our audience among others', 'accepted', { aud: ['https://other.test', audience] }],
  ['no audience', 'missing_claim', { aud: undefined }],
  ['an empty list of audiences', 'missing_claim', { aud: [] }],
  ['audiences that are no texts', 'missing_claim', { aud: [audience, { a: 1 }] }],
  ['many audiences', 'missing_claim', { aud: [...Array.from({ length: 101 }, (_, at) => `a${at}`), audience] }],
  ['no exp', 'missing_claim', { exp: undefined }],
  ['no iat', 'missing_claim', { iat: undefined }],
  ['an exp in milliseconds', 'malformed', { exp: start + 3_600_000 }],
  ['an exp that is a text', 'malformed', { exp: `${seconds + 60}` }],
  ['no issuer', 'missing_claim', { iss: undefined }],
  ['an issuer that is a list', 'malformed', { iss: ['https://cluster.test'] }],
  ['no subject', 'no_subject', { sub: undefined }],
  ['an empty subject', 'no_subject', { sub: '' }],
  ['a subject with a line feed', 'no_subject', { sub: 'system:serviceaccount:shop:puller\nadmin' }],
  ['two subjects', 'no_subject', { sub: ['a', 'b'] }],
  ['a subject that is an object', 'no_subject', { sub: { a: 1 } }],
  ['an endless subject', 'no_subject', { sub: 'a'.repeat(513) }],
])('%s: %s', async (_, reason, claims) => {
  const token = await signRaw(
    issuer.key,
    { alg: 'RS256', kid: 'key-1' },
    JSON.stringify({ ...claimsOf(issuer.issuer, start), ...claims }),
  );
  expect(await reasonOf(verify(token))).toBe(reason);
});

test.each<[title: string, reason: string, header: object]>([
  ['another type of token', 'wrong_type', { typ: 'logout+jwt' }],
  ['an access token', 'accepted', { typ: 'at+jwt' }],
  ['a type that is no text', 'wrong_type', { typ: 1 }],
  ['an embedded jwk', 'embedded_key', { jwk: { kty: 'oct', k: 'AAAA' } }],
  ['a jku', 'embedded_key', { jku: 'https://evil.test/keys' }],
  ['an x5u', 'embedded_key', { x5u: 'https://evil.test/chain' }],
  ['an x5c', 'embedded_key', { x5c: ['AAAA'] }],
  ['a thumbprint, which names a key but is none', 'accepted', { x5t: 'AAAA' }],
  ['a critical extension', 'malformed', { crit: ['exp'] }],
  ['an empty list of extensions', 'malformed', { crit: [] }],
  ['an unencoded payload', 'malformed', { b64: false }],
  ['a token inside', 'malformed', { cty: 'JWT' }],
  ['a kid that is a list', 'malformed', { kid: ['key-1'] }],
  ['a kid that is a path', 'unknown_key', { kid: '../../../../dev/null' }],
  ['an endless kid', 'malformed', { kid: 'k'.repeat(513) }],
  ['no kid', 'accepted', { kid: undefined }],
  ['alg: none', 'alg_not_allowed', { alg: 'none' }],
  ['alg: NONE', 'alg_not_allowed', { alg: 'NONE' }],
  ['no alg', 'malformed', { alg: undefined }],
  ['alg: HS256', 'alg_not_allowed', { alg: 'HS256' }],
  ['an algorithm that the key is not for', 'unknown_key', { alg: 'PS256' }],
  ['an algorithm of another kind of key', 'unknown_key', { alg: 'ES256' }],
  ['an algorithm from everybody', 'alg_not_allowed', { alg: 'constructor' }],
])('a header with %s: %s', async (_, reason, header) => {
  const payload = JSON.stringify(claimsOf(issuer.issuer, start));
  const token = await signRaw(issuer.key, { alg: 'RS256', kid: 'key-1', ...header }, payload);
  expect(await reasonOf(verify(token))).toBe(reason);
});

test('an unsigned token is refused, with and without an algorithm', async () => {
  const unsecured = new UnsecuredJWT(claimsOf(issuer.issuer, start)).encode();
  expect(await reasonOf(verify(unsecured))).toBe('alg_not_allowed');
  const [, payload] = (await issuer.token(start)).split('.');
  const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'key-1' })).toString('base64url');
  expect(await reasonOf(verify(`${header}.${payload}.`))).toBe('bad_signature');
});

test('key confusion: HMAC with the public key as the secret is refused', async () => {
  const publicKey = (await importJWK(issuer.key.jwk, 'RS256')) as CryptoKey;
  for (const secret of [await exportSPKI(publicKey), JSON.stringify(issuer.key.jwk), issuer.key.jwk.n!]) {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const input = `${encode({ alg: 'HS256', kid: 'key-1' })}.${encode(claimsOf(issuer.issuer, start))}`;
    const token = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    expect(await reasonOf(verify(token))).toBe('alg_not_allowed');
  }
});

test('a key of somebody else is refused, although its name is right and the token brings it along', async () => {
  const token = (header: object) =>
    new SignJWT(claimsOf(issuer.issuer, start))
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1', ...header })
      .sign(stranger.privateKey);
  expect(await reasonOf(verify(await token({})))).toBe('bad_signature');
  expect(await reasonOf(verify(await token({ jwk: stranger.jwk })))).toBe('embedded_key');
});

test('no bit of a token may change', async () => {
  const token = await issuer.token(start);
  for (const at of [token.indexOf('.') + 10, token.lastIndexOf('.') + 10, token.length - 5]) {
    const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
    expect(['bad_signature', 'malformed']).toContain(await reasonOf(verify(changed)));
  }
});

test('what is no token, is too long or nested too deep is refused before anything else', async () => {
  const key = issuer.key;
  const header = { alg: 'RS256', kid: 'key-1' };
  const claims = JSON.stringify(claimsOf(issuer.issuer, start));
  const deep = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`;
  const cases: [string, string][] = [
    ['', 'malformed'],
    ['a.b', 'malformed'],
    ['a.b.c.d.e', 'malformed'],
    ['....', 'malformed'],
    ['e30.e30.', 'malformed'],
    [`${await issuer.token(start)}=`, 'malformed'],
    [`${await issuer.token(start)}\n`, 'malformed'],
    ['a'.repeat(16_385), 'too_large'],
    [await signRaw(key, header, JSON.stringify({ iss: issuer.issuer, pad: 'x'.repeat(20_000) })), 'too_large'],
    [await signRaw(key, header, deep), 'malformed'],
    [await signRaw(key, header, '[]'), 'malformed'],
    [await signRaw(key, header, 'null'), 'malformed'],
    [await signRaw(key, header, '{"iss":'), 'malformed'],
    [await signRaw(key, header, claims.replace('{', `{"sub":"admin",`)), 'malformed'],
    [await signRaw(key, header, claims.replace('{', String.raw`{"s\u0075b":"admin",`)), 'malformed'],
  ];
  const before = { ...issuer.state.requests };
  for (const [token, reason] of cases)
    expect([token.slice(0, 40), await reasonOf(verify(token))]).toEqual([token.slice(0, 40), reason]);
  expect(issuer.state.requests).toEqual(before);
});

test('nobody is asked about an issuer that is not trusted, and one that is nearly right is told apart', async () => {
  const before = { ...issuer.state.requests };
  for (const iss of ['https://evil.test', 'http://169.254.169.254', '', `${issuer.issuer}.evil.test`]) {
    expect(await reasonOf(verify(await issuer.token(start, { iss })))).toBe('unknown_issuer');
  }
  expect(await reasonOf(verify(await issuer.token(start, { iss: `${issuer.issuer}/` })))).toBe('wrong_issuer');
  expect(await reasonOf(verify(await issuer.token(start, { iss: issuer.issuer.toUpperCase() })))).toBe('wrong_issuer');
  expect(await reasonOf(verify(await issuer.token(start), { enabled: false }))).toBe('unknown_issuer');
  expect(await reasonOf(federation.verify(await issuer.token(start), []))).toBe('unknown_issuer');
  expect(issuer.state.requests).toEqual(before);
});

test('an issuer that is trusted twice is the one whose audience fits', async () => {
  const both = [issuer.trust({ name: 'a', audiences: ['a'] }), issuer.trust({ name: 'b', audiences: ['b'] })];
  const result = await federation.verify(await issuer.token(start, { aud: 'b' }), both);
  expect(result.ok && result.issuer.name).toBe('b');
});

test('pinned keys need no issuer to ask', async () => {
  const jwks = { keys: [issuer.key.jwk as Record<string, unknown>] };
  const name = 'kubernetes/offline';
  const before = { ...issuer.state.requests };
  const pinned = { issuer: name, jwks };
  expect(await reasonOf(verify(await issuer.token(start, { iss: name }), pinned))).toBe('accepted');
  expect(await reasonOf(verify(await issuer.token(start, { iss: name }, { kid: 'key-2' }), pinned))).toBe(
    'unknown_key',
  );
  const symmetric = { keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'key-1' }] };
  expect(await reasonOf(verify(await issuer.token(start, { iss: name }), { issuer: name, jwks: symmetric }))).toBe(
    'issuer_invalid',
  );
  expect(issuer.state.requests).toEqual(before);
});

test('groups and subject are the claims that the issuer is set up with', async () => {
  const token = await issuer.token(start, { roles: ['a', 'b'], oid: '1234' });
  const result = await verify(token, { subjectClaim: 'oid', groupsClaim: 'roles' });
  expect(result.ok && [result.subject, result.groups]).toEqual(['1234', ['a', 'b']]);
  const nested = await verify(token, { subjectClaim: '/kubernetes.io/serviceaccount/uid' });
  expect(nested.ok && nested.subject).toBe('e6a8680e-d103-4cce-80ea-03acbbeacf7d');
});

test('algorithms that an issuer may use: RSA, elliptic curves and Edwards curves', async () => {
  for (const alg of ['RS256', 'RS512', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']) {
    const key = await makeKey(alg, alg);
    const jwks = { keys: [key.jwk as Record<string, unknown>] };
    expect([alg, await reasonOf(verify(await issuer.token(start, {}, {}, key), { jwks }))]).toEqual([alg, 'accepted']);
    const others = { jwks, algorithms: [alg === 'RS256' ? ('ES256' as const) : ('RS256' as const)] };
    expect(await reasonOf(verify(await issuer.token(start, {}, {}, key), others))).toBe('alg_not_allowed');
  }
});

test('a refusal says what to do and nothing of the token, and no token is in the log', async () => {
  const token = await issuer.token(start, { aud: 'https://other.test' });
  const result = await federation.verify(token, [trusted]);
  expect(result.ok ? '' : result.message).toMatch(/^the token is meant for somebody else; ask/);
  expect(result.ok ? '' : result.message).not.toContain('other.test');
  const parts = token.split('.');
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) for (const part of parts) expect(line).not.toContain(part);
});
