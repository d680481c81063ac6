import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { createOutbound } from '../../outbound/index.ts';
import { createLog } from '../../telemetry/index.ts';
import { createFederation, type Federation } from './federation.ts';
import { freshnessOf } from './fetch-keys.ts';
import { makeKey, openTestIssuer, type TestKey } from './test-issuer.double.ts';

const minute = 60_000;
const hour = 60 * minute;
let issuer: Awaited<ReturnType<typeof openTestIssuer>>;
let second: TestKey;
let federation: Federation;
let now: number;
/** Failures that were logged. */
let failures: number;

beforeAll(async () => {
  issuer = await openTestIssuer();
  second = await makeKey('key-2');
});

afterAll(() => issuer[Symbol.asyncDispose]());

beforeEach(() => {
  now = 1_800_000_000_000;
  const { state, key } = issuer;
  Object.assign(state, { keys: [key.jwk], headers: {}, requests: { discovery: 0, keys: 0 }, answer: undefined });
  const outbound = createOutbound({
    allow: ['127.0.0.0/8'],
    ca: [issuer.authority],
    resolve: async () => ['127.0.0.1'],
  });
  failures = 0;
  const log = createLog({ level: 'warn', format: 'json' }, false, () => void failures++);
  federation = createFederation({ outbound, now: () => now, log });
});

async function outcome(key: TestKey = issuer.key, header: object = {}): Promise<string> {
  const result = await federation.verify(await issuer.token(now, {}, header, key), [issuer.trust()]);
  return result.ok ? 'accepted' : result.reason;
}

const asked = () => issuer.state.requests.keys;

/** Waits for what goes on behind an answer. */
async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 45_000; !condition() && Date.now() < end;) await Bun.sleep(5);
  expect(condition()).toBe(true);
}

test('keys are fetched once for all who come, and kept as long as the issuer says', async () => {
  issuer.state.headers = { 'cache-control': 'public, max-age=7200' };
  const all = await Promise.all(Array.from({ length: 50 }, () => outcome()));
  expect(new Set(all)).toEqual(new Set(['accepted']));
  expect(issuer.state.requests).toEqual({ discovery: 1, keys: 1 });
  now += 2 * hour - 1;
  expect([await outcome(), asked()]).toEqual(['accepted', 1]);
  now += 1;
  expect([await outcome(), asked()]).toEqual(['accepted', 2]);
});

test.each([
  [null, hour],
  ['max-age=3600', hour],
  ['public, max-age=1', 5 * minute],
  ['max-age=0', 5 * minute],
  ['no-store, max-age=3600', 5 * minute],
  ['No-Cache', 5 * minute],
  ['max-age="1200"', 20 * minute],
  ['s-maxage=99', hour],
  ['max-age=9999999999', 24 * hour],
  ['max-age=-1', hour],
  ['nonsense', hour],
])('Cache-Control %p keeps keys for %i ms', (header, expected) => {
  expect(freshnessOf(header)).toBe(expected);
});

test('a new key is found by its name, and an old one that is gone is refused when the keys are', async () => {
  expect(await outcome()).toBe('accepted');
  issuer.state.keys = [second.jwk];
  now += 31_000;
  expect([await outcome(second), asked()]).toEqual(['accepted', 2]);
  expect(await outcome()).toBe('unknown_key');
});

test('a storm of unknown keys costs the issuer one request in 30 s', async () => {
  expect(await outcome()).toBe('accepted');
  const storm = async (from: number) =>
    Promise.all(Array.from({ length: 200 }, (_, at) => outcome(issuer.key, { kid: `made-up-${from + at}` })));
  expect(new Set(await storm(0))).toEqual(new Set(['unknown_key']));
  expect(asked()).toBe(1);
  now += 30_000;
  expect(new Set(await storm(200))).toEqual(new Set(['unknown_key']));
  expect(asked()).toBe(2);
  now += 29_999;
  await storm(400);
  expect(asked()).toBe(2);
  // Known keys go on meanwhile.
  expect(await outcome()).toBe('accepted');
  now += 1;
  issuer.state.keys = [issuer.key.jwk, second.jwk];
  expect([await outcome(second), asked()]).toEqual(['accepted', 3]);
});

test('an issuer that is away goes on with the keys that it had, for a day', async () => {
  issuer.state.headers = { 'cache-control': 'max-age=600' };
  expect(await outcome()).toBe('accepted');
  issuer.state.answer = () => new Response(null, { status: 503 });
  now += 11 * minute;
  expect(await outcome()).toBe('accepted');
  expect([issuer.state.requests.discovery, failures]).toEqual([2, 1]);
  // Within 10 s nobody asks again; after that one does, and nobody waits for it.
  now += 9_999;
  expect([await outcome(), issuer.state.requests.discovery]).toEqual(['accepted', 2]);
  const gate = Promise.withResolvers<void>();
  issuer.state.answer = () => gate.promise.then(() => new Response(null, { status: 503 }));
  now += 1;
  expect([await outcome(), failures]).toEqual(['accepted', 1]);
  gate.resolve();
  await until(() => failures === 2);
  now += 23 * hour;
  expect(await outcome()).toBe('accepted');
  await until(() => failures === 3);
  now += hour;
  expect([await outcome(), failures]).toEqual(['issuer_unreachable', 4]);
  issuer.state.answer = undefined;
  now += 10_000;
  expect(await outcome()).toBe('accepted');
});

test('a new key is found although the first look for it failed', async () => {
  expect(await outcome()).toBe('accepted');
  issuer.state.keys = [second.jwk];
  issuer.state.answer = () => new Response(null, { status: 503 });
  now += 30_000;
  expect([await outcome(second), await outcome(), failures]).toEqual(['unknown_key', 'accepted', 1]);
  issuer.state.answer = undefined;
  now += 30_000;
  expect(await outcome(second)).toBe('accepted');
});

test('an issuer that was never there is asked once in 10 s', async () => {
  issuer.state.answer = () => new Response(null, { status: 500 });
  const all = await Promise.all(Array.from({ length: 20 }, () => outcome()));
  expect(new Set(all)).toEqual(new Set(['issuer_unreachable']));
  expect(issuer.state.requests).toEqual({ discovery: 1, keys: 0 });
  issuer.state.answer = undefined;
  now += 9_999;
  expect(await outcome()).toBe('issuer_unreachable');
  now += 1;
  expect([await outcome(), asked()]).toEqual(['accepted', 1]);
});

const weak = { kty: 'RSA', kid: 'key-1', n: Buffer.alloc(128, 255).toString('base64url'), e: 'AQAB' };

test.each<[title: string, answer: (path: string) => Response | undefined]>([
  ['names another issuer', () => Response.json({ issuer: 'https://evil.test', jwks_uri: 'https://evil.test/keys' })],
  [
    'names itself with a slash more',
    () => Response.json({ issuer: `${issuer.issuer}/`, jwks_uri: `${issuer.issuer}/k` }),
  ],
  ['has no keys', () => Response.json({ issuer: issuer.issuer })],
  ['leads to plain http', () => Response.json({ issuer: issuer.issuer, jwks_uri: 'http://127.0.0.1/keys' })],
  ['leads into the network', () => Response.json({ issuer: issuer.issuer, jwks_uri: 'https://169.254.169.254/keys' })],
  ['leads to a file', () => Response.json({ issuer: issuer.issuer, jwks_uri: 'file:///etc/passwd' })],
  ['is redirected into the network', () => Response.redirect('https://10.0.0.1/', 302)],
  ['is no JSON', () => new Response('<html>')],
  ['is a list', () => new Response('[]')],
  ['is too long', () => new Response('x'.repeat(300_000))],
  ['is not found', () => new Response(null, { status: 404 })],
])('a discovery document that %s is refused', async (_, answer) => {
  issuer.state.answer = answer;
  expect(await outcome()).toBe('issuer_invalid');
});

test.each<[title: string, keys: () => string]>([
  ['nothing that verifies', () => JSON.stringify({ keys: [{ kty: 'oct', k: 'AAAA', kid: 'key-1' }] })],
  ['no list', () => '{}'],
  ['101 keys', () => JSON.stringify({ keys: Array.from({ length: 101 }, () => issuer.key.jwk) })],
  ['more than 1 MiB', () => JSON.stringify({ keys: [issuer.key.jwk], pad: 'x'.repeat(1_048_576) })],
  ['a deep nest', () => `{"keys":${'['.repeat(1000)}${']'.repeat(1000)}}`],
  ['a private key', () => JSON.stringify({ keys: [{ ...issuer.key.jwk, d: 'AAAA' }] })],
  ['a weak key', () => JSON.stringify({ keys: [weak] })],
  ['keys for encryption', () => JSON.stringify({ keys: [{ ...issuer.key.jwk, use: 'enc' }] })],
])('a key set with %s is refused', async (_, keys) => {
  issuer.state.answer = (path) => (path === '/openid/v1/jwks' ? new Response(keys()) : undefined);
  expect(await outcome()).toBe('issuer_invalid');
});

test('what is wrong with one key does not matter to the others', async () => {
  issuer.state.keys = [null, 7, { kty: 'XYZ' }, weak, { ...second.jwk, n: '!!' }, issuer.key.jwk];
  expect(await outcome()).toBe('accepted');
  // Two keys of one name, as while one is replaced.
  now += hour;
  issuer.state.keys = [{ ...second.jwk, kid: 'key-1' }, issuer.key.jwk];
  expect(await outcome()).toBe('accepted');
});

test('keys without a discovery document, and a discovery document elsewhere', async () => {
  const verify = async (more: Parameters<typeof issuer.trust>[0], claims: object) => {
    const result = await federation.verify(await issuer.token(now, claims), [issuer.trust(more)]);
    return result.ok ? 'accepted' : result.reason;
  };
  const iss = 'https://kubernetes.default.svc';
  expect(await verify({ issuer: iss, jwksUri: `${issuer.issuer}/openid/v1/jwks` }, { iss })).toBe('accepted');
  expect(issuer.state.requests).toEqual({ discovery: 0, keys: 1 });
  // It names its own issuer, which is another one.
  const discovery = `${issuer.issuer}/.well-known/openid-configuration`;
  expect(await verify({ issuer: iss, discovery }, { iss })).toBe('issuer_invalid');
  expect(await verify({ discovery }, {})).toBe('accepted');
});

test('a clock that is set back keeps neither keys nor a failure for longer', async () => {
  const right = now;
  now += 30 * minute;
  expect(await outcome()).toBe('accepted');
  now = right;
  issuer.state.keys = [second.jwk];
  // A new key is looked for, although that was done at a time to come.
  expect([await outcome(second), asked()]).toEqual(['accepted', 2]);
  now += 45 * minute;
  issuer.state.answer = () => new Response(null, { status: 503 });
  expect(await outcome(issuer.key)).toBe('unknown_key');
  now = right;
  issuer.state.answer = undefined;
  issuer.state.keys = [issuer.key.jwk];
  expect(await outcome()).toBe('accepted');
});
