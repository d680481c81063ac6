import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { makeIssuer, managementOf, registry } from '../../test/support/management.ts';
import { basic } from '../../test/support/people.ts';
import { startTestApp } from '../../test/support/server.ts';
import { tiersOf } from '../../test/support/tiers.ts';

/* Who asks too often takes from others no more than the rate of one identity. */

type Server = Awaited<ReturnType<typeof startTestApp>>;
let server: Server;
let tiers: ReturnType<typeof tiersOf>;
beforeAll(async () => {
  server = await startTestApp();
  tiers = tiersOf(server.url);
});
afterAll(() => server[Symbol.asyncDispose]());

async function registryWith(name: string, rates: object) {
  await tiers.put(name, { rates });
  await tiers.use(name, name);
  return (path: string, init: Parameters<typeof fetch>[1] = {}) =>
    fetch(`${server.url}${path}`, { ...init, headers: { ...(init.headers as object), Host: `${name}.localhost` } });
}

test('writes of one identity that fill the queue keep nobody else from pushing', async () => {
  const name = 'crowded';
  const ask = await registryWith(name, { dataplaneWrite: { registry: 60_000, identity: 480 }, burstSeconds: 1 });
  const password = await tokenOf(name, 'crowd', ['repositories/app/content/write']);
  const headers = { Authorization: basic('crowd', password) };
  const open = (init: object) => ask('/v2/app/blobs/uploads/', { method: 'POST', ...init });
  const seen = { 202: 0, 429: 0 };
  let over = false;
  // They come again as soon as they are refused: there is never room in the queue for long.
  const crowd = Array.from({ length: 100 }, async () => {
    while (!over) {
      const { status } = await open({ headers });
      seen[status as keyof typeof seen]++;
      await Bun.sleep(20);
    }
  });
  while (seen[429] < 100) await Bun.sleep(20);
  const others: number[] = [];
  for (let n = 0; n < 6; n++) others.push((await open({})).status);
  over = true;
  await Promise.all(crowd);
  expect(others).toEqual(Array.from({ length: 6 }, () => 202));
  expect(seen[202]).toBeGreaterThan(8);
});

test('strangers use up no rate of a registry in which they may do nothing', async () => {
  const ask = await registryWith('walled', {
    dataplaneRead: { registry: 20, identity: 10 },
    dataplaneWrite: { registry: 20, identity: 10 },
    dataplaneDelete: { registry: 20, identity: 10 },
  });
  const asked = [
    ['GET', '/v2/app/manifests/v1'],
    ['GET', `/v2/app/referrers/sha256:${'0'.repeat(64)}`],
    ['POST', '/v2/app/blobs/uploads/'],
    ['DELETE', '/v2/app/manifests/v1'],
    ['GET', '/acr/v1/_catalog'],
  ] as const;
  const { properties, token } = await makeIssuer();
  await managementOf(server.url).trust('public', properties);
  for (const [method, path] of asked) {
    for (let n = 0; n < 30; n++) {
      const nobody = await ask(path, { method, anonymous: true });
      // Whoever a public issuer vouches for is somebody, and has no rights yet.
      const headers = { Authorization: `Bearer ${await token({ sub: `stranger-${n}` })}` };
      const somebody = await ask(path, { method, headers });
      // A challenge each time, so that whoever goes on to log in finds out how.
      expect([method, path, nobody.status, somebody.status]).toEqual([method, path, 401, 403]);
    }
  }
  const first = await ask('/v2/app/manifests/v1');
  expect(first.status).toBe(404);
  expect(first.headers.get('ratelimit')).toContain('"registry";r=19');
});

async function tokenOf(name: string, token: string, actions: string[]): Promise<string> {
  const manage = managementOf(server.url);
  const own = registry.replace('/default', `/${name}`);
  const { id: scopeMapId } = await manage.put(`${own}/scopeMaps/${token}`, { actions });
  const { id: tokenId } = await manage.put(`${own}/tokens/${token}`, { scopeMapId });
  const made = await manage.post(`${own}/generateCredentials`, { tokenId, name: 'password1' });
  return (made as { passwords: { value: string }[] }).passwords[0]!.value;
}
