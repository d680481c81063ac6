import { afterAll, beforeAll, expect, test } from 'bun:test';
import { basic, bearer, makePassword } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { publicWay } from '../exchange/index.ts';
import { createAuthenticator } from './authenticate.ts';
import type { Caller } from './caller.ts';
import type { VerifiedToken } from './federation/index.ts';
import { doorAt, type Identification } from './identify.ts';
import { issueRefreshToken } from './issue-token.ts';
import { rightsOf } from './rights.ts';

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
  await server.people.assign('Container Registry Repository Reader', await server.people.identity('reader'));
  await server.people.token('robot', ['repositories/app/content/read']);
});
afterAll(() => server[Symbol.asyncDispose]());

const door = () =>
  doorAt({ registryId: 1, origin: () => server.url, request: new Request(server.url), way: () => publicWay });
/** A request that comes to a registry under a name. */
const knock = (registryId = 1, host = server.host, way = publicWay) => ({
  registryId,
  request: new Request(server.url, { headers: { Host: host } }),
  origin: () => `http://${host}`,
  way: () => way,
});

/** An authenticator of its own, on what the server knows; counts what is verified. */
function open(more: Partial<Identification> = {}) {
  const { identification } = server.app.access;
  const state = { federated: 0, own: 0, passwords: 0, now: Date.now() };
  const { federation, keys, passwords } = identification;
  const counted: Identification = {
    ...identification,
    now: () => state.now,
    federation: {
      verify(...parameters) {
        state.federated++;
        return federation.verify(...parameters);
      },
    },
    keys: {
      ...keys,
      verifyOrReload(...parameters) {
        state.own++;
        return keys.verifyOrReload(...parameters);
      },
    },
    passwords: {
      ...passwords,
      verify(...parameters) {
        state.passwords++;
        return passwords.verify(...parameters);
      },
    },
    ...more,
  };
  return { state, identification: counted, ...createAuthenticator(counted) };
}

async function callerOf(found: ReturnType<ReturnType<typeof open>['identify']>): Promise<Caller> {
  const identified = await found;
  if (!('ok' in identified)) return identified;
  if (!identified.ok) throw new Error(identified.refusal.reason);
  return identified.caller;
}

test('each of what somebody may show is verified once; then the caller is there without a promise', async () => {
  const { state, identify, identification } = open();
  const jwt = await server.people.jwt('reader');
  const caller = await callerOf(identify(knock(), bearer(jwt)));
  const lifetimes = { refreshMs: 3_600_000, accessMs: 3_600_000 };
  const { token } = await issueRefreshToken(identification, lifetimes, door(), caller);
  const { value } = await makePassword(server.app, { kind: 'token', name: 'robot' });
  for (const shown of [bearer(jwt), bearer(token), basic('robot', value)]) {
    const first = await callerOf(identify(knock(), shown));
    for (let times = 0; times < 100; times++) expect(identify(knock(), shown)).toBe(first);
  }
  expect(state).toMatchObject({ federated: 1, own: 1, passwords: 1 });
});

test('what many show at once is verified once', async () => {
  const { state, identify } = open();
  const shown = bearer(await server.people.jwt('reader'));
  const callers = await Promise.all(Array.from({ length: 100 }, () => callerOf(identify(knock(), shown))));
  expect(new Set(callers).size).toBe(1);
  expect(state.federated).toBe(1);
});

test('a refusal is not remembered, and a caller no longer than what it has shown is good for', async () => {
  const { state, identify } = open();
  const bad = bearer(await server.people.jwt('reader', { aud: 'another' }));
  for (let times = 0; times < 2; times++)
    await expect(callerOf(identify(knock(), bad))).rejects.toThrow('wrong_audience');
  expect(state.federated).toBe(2);
  const shown = bearer(await server.people.jwt('reader', { exp: Math.floor(state.now / 1000) + 120 }));
  await callerOf(identify(knock(), shown));
  state.now += 100_000;
  expect(identify(knock(), shown)).not.toBeInstanceOf(Promise);
  state.now += 200_000;
  expect(identify(knock(), shown)).toBeInstanceOf(Promise);
});

test('the same at another registry or host is looked at for itself', async () => {
  const { state, identify } = open();
  const shown = bearer(await server.people.jwt('reader'));
  const one = await callerOf(identify(knock(), shown));
  const other = await callerOf(identify(knock(2), shown));
  expect([one.registryId, other.registryId]).toEqual([1, 2]);
  await callerOf(identify(knock(1, 'localhost:1'), shown));
  expect(state.federated).toBe(3);
});

test('what is remembered is bounded by its size: whoever came first is forgotten', async () => {
  let verified = 0;
  const [issuer] = server.app.access.directory().issuers;
  const verify = async (): Promise<VerifiedToken> => {
    verified++;
    const groups = Array.from({ length: 100 }, (_, at) => `${verified}-${at}`.padStart(36, 'g'));
    const claims = { sub: `${verified}` };
    const expiresAt = Date.now() + 3_600_000;
    return { ok: true, issuer: issuer!, subject: `${verified}`, claims, groups, groupsComplete: true, expiresAt };
  };
  const { identify } = open({ federation: { verify } });
  const payload = Buffer.from(JSON.stringify({ iss: 'x' })).toString('base64url');
  const shown = (at: number) => bearer(`${payload}.${payload}.${`${at}`.padStart(8, '0')}`);
  for (let at = 0; at < 6000; at++) await callerOf(identify(knock(), shown(at)));
  // 6,000 of 12 KiB are 72 MiB.
  expect(identify(knock(), shown(5999))).not.toBeInstanceOf(Promise);
  const kept = Array.from({ length: 6000 }, (_, at) => identify(knock(), shown(at))).filter(
    (found) => !(found instanceof Promise),
  );
  expect(kept.length).toBeGreaterThan(1000);
  expect(kept.length).toBeLessThan(5000);
});

test('decisions are kept until the directory is another, and are right however many there are', async () => {
  const { identify } = open();
  const { access } = server.app;
  const caller = await callerOf(identify(knock(), bearer(await server.people.jwt('reader'))));
  const directory = access.directory();
  const rights = rightsOf(caller, directory);
  await access.refresh();
  expect(access.directory()).toBe(directory);
  expect(rightsOf(caller, access.directory())).toBe(rights);
  for (let at = 0; at < 2000; at++) {
    expect(rights.allows('content/read', `app/${at}`)).toBe(true);
    expect(rights.allows('content/write', `app/${at}`)).toBe(false);
  }
  await server.people.put(server.people.identityId('reader'), { status: 'disabled' });
  expect(access.directory()).not.toBe(directory);
  expect(rightsOf(caller, access.directory()).allows('content/read', 'app/1')).toBe(false);
  await server.people.put(server.people.identityId('reader'), { status: 'enabled' });
});

test('a clock that is set back has nobody believed for longer than what was looked up is', async () => {
  const { state, identify } = open();
  const { value } = await makePassword(server.app, { kind: 'token', name: 'robot' });
  const shown = [basic('robot', value), bearer(await server.people.jwt('reader'))];
  // Ahead of the time, as after a start without a source of it.
  state.now += 3_000_000;
  for (const one of shown) await callerOf(identify(knock(), one));
  state.now -= 3_000_000;
  for (const one of shown) await callerOf(identify(knock(), one));
  expect(state).toMatchObject({ passwords: 2, federated: 2 });
});

test('whoever is in a thousand groups with short names has a token that is read', async () => {
  const { identify, identification } = open();
  const groups = Array.from({ length: 1000 }, (_, at) => at.toString(36));
  const caller = await callerOf(identify(knock(), bearer(await server.people.jwt('reader', { groups }))));
  const lifetimes = { refreshMs: 3_600_000, accessMs: 3_600_000 };
  const { token } = await issueRefreshToken(identification, lifetimes, door(), caller);
  const again = await callerOf(identify(knock(), bearer(token)));
  expect(again.holder.groups?.slice(0, 3)).toEqual(['0', '1', '2']);
});
