import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { pushImage } from '../../test/http/registry.ts';
import { accessToken, claimsOf, getToken, refreshToken } from '../../test/http/tokens.ts';
import { basic, nullUser } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

/* The same request for a token, again and again: what is the same in the answers is kept, and nothing that may change. */

const reader = 'Container Registry Repository Reader';
const writer = 'Container Registry Repository Writer';
const scope = ['repository:app:pull,push', 'repository:other:pull'];

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
});
afterAll(() => server[Symbol.asyncDispose]());

/** What an identity shows to get tokens. */
async function somebody(name: string) {
  const id = await server.people.identity(name);
  const shown = basic(nullUser, await refreshToken(server.url, await server.people.jwt(name)));
  const granted = async () => {
    const claims = claimsOf(await accessToken(server.url, shown, scope));
    const access = claims['access'] as { name: string; actions: string[]; gen?: number }[];
    return { claims, access, gen: access[0]?.gen, text: access.map((one) => `${one.name}:${one.actions.join(',')}`) };
  };
  return { id, shown, granted };
}

test('what its holder may do is asked each time: roles come and go, an identity is disabled', async () => {
  const { people, url } = server;
  const { id, shown, granted } = await somebody('changing');
  expect((await granted()).text).toEqual([]);
  const reads = await people.assign(reader, id);
  expect((await granted()).text).toEqual(['app:pull', 'other:pull']);
  const writes = await people.assign(writer, id);
  expect((await granted()).text).toEqual(['app:pull,push', 'other:pull']);
  await people.remove(writes);
  expect((await granted()).text).toEqual(['app:pull', 'other:pull']);
  await people.remove(reads);
  expect((await granted()).text).toEqual([]);
  await people.put(people.identityId('changing'), { status: 'disabled' });
  expect((await getToken(url, shown, scope)).status).toBe(401);
  await people.put(people.identityId('changing'), { status: 'enabled' });
  expect((await granted()).text).toEqual([]);
});

test('two who ask for the same get what each of them may have, and are recorded as themselves', async () => {
  const [one, other] = [await somebody('one'), await somebody('other')];
  await server.people.assign(reader, one.id);
  await server.people.assign(writer, other.id);
  for (let times = 0; times < 3; times++) {
    const since = server.audit().length;
    const [ofOne, ofOther] = [await one.granted(), await other.granted()];
    expect(ofOne.text).toEqual(['app:pull', 'other:pull']);
    expect(ofOther.text).toEqual(['app:pull,push', 'other:pull']);
    expect([ofOne.claims['sub'], ofOther.claims['sub']]).toEqual([one.id, other.id]);
    expect(server.audit(since)).toMatchObject([
      { action: 'token.issue', actor: one.id, issued: ofOne.claims['jti'] },
      { action: 'token.issue', actor: other.id, issued: ofOther.claims['jti'] },
    ]);
  }
});

test('many at once are each recorded before they are answered, with the id of their token', async () => {
  const { id, granted } = await somebody('many');
  await server.people.assign(reader, id);
  const since = server.audit().length;
  const issued = (await Promise.all(Array.from({ length: 40 }, granted))).map(({ claims }) => claims['jti']);
  expect(new Set(issued).size).toBe(40);
  expect(new Set(server.audit(since).map((record) => record['issued']))).toEqual(new Set(issued));
});

test('a repository that is made, deleted and made anew is another one in the next token', async () => {
  const { people, url } = server;
  const { id, granted } = await somebody('pushing');
  await people.assign(writer, id);
  expect((await granted()).gen).toBeUndefined();
  await pushImage(url, 'app', 'latest');
  const first = (await granted()).gen;
  expect(first).toBeNumber();
  expect((await granted()).gen).toBe(first);
  expect((await fetch(`${url}/acr/v1/app`, { method: 'DELETE' })).status).toBe(202);
  expect((await granted()).gen).toBeUndefined();
  await pushImage(url, 'app', 'latest');
  const second = (await granted()).gen;
  expect(second).toBeNumber();
  expect(second).not.toBe(first);
});

test('the registry decides in another way: the next token says so, and that it is by another host', async () => {
  const { people, url } = server;
  const id = await people.identity('moving');
  await people.assign(reader, id);
  const shown = async () => basic('x', await people.jwt('moving'));
  const first = await shown();
  const claims = async (at: string) => claimsOf(await accessToken(at, first, scope));
  expect(await claims(url)).toMatchObject({ mode: 'AbacRepositoryPermissions', aud: new URL(url).host });
  const local = url.replace('127.0.0.1', 'localhost');
  expect(await claims(local)).toMatchObject({ aud: new URL(local).host, iss: local });
  await people.registry({ roleAssignmentMode: 'LegacyRegistryPermissions' });
  expect(claimsOf(await accessToken(url, await shown(), scope))).toMatchObject({ mode: 'LegacyRegistryPermissions' });
  expect(await claims(url)).toMatchObject({ mode: 'LegacyRegistryPermissions', access: [] });
});
