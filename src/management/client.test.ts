import { afterAll, beforeAll, expect, test } from 'bun:test';
import { OutboundError } from '../outbound/index.ts';
import { createManagementClient, groupScope, idOf, ManagementClientError } from '../operations/index.ts';
import {
  assignments,
  checkName,
  registries,
  replications,
  type Rig,
  startManagement,
  tokens,
} from './test-management.double.ts';

let rig: Rig;
const waits: number[] = [];

beforeAll(async () => {
  rig = await startManagement();
});
afterAll(() => rig[Symbol.asyncDispose]());

const clientFor = (patienceMs = 60_000) =>
  createManagementClient({
    endpoint: `${rig.url}/`,
    fetch: (url, init) => fetch(url, init),
    sleep: async (ms) => {
      waits.push(ms);
      if (waits.length > 1) rig.release.resolve();
      await Bun.sleep(1);
    },
    patienceMs,
  });

test('a server that is away for a while ends nothing that is followed', async () => {
  const pauses: number[] = [];
  const away: (() => Response | Promise<Response>)[] = [
    () => Promise.reject(new Error('check the server', { cause: new OutboundError('unreachable', 'refused') })),
    () => Response.json({ error: { code: 'ServiceUnavailable', message: 'later' } }, { status: 503 }),
    () => new Response('<html>', { status: 502 }),
  ];
  let looks = 0;
  const client = createManagementClient({
    endpoint: 'http://registry.test',
    fetch: async () => {
      const failure = away[looks++];
      return failure ? failure() : Response.json({ status: 'Succeeded', properties: { rebuilt: 3 } });
    },
    sleep: async (ms) => void pauses.push(ms),
  });
  expect(await client.follow('/operation')).toMatchObject({ properties: { rebuilt: 3 } });
  expect(pauses).toEqual([500, 1000, 2000]);
  // One that stays away does; what is refused is so at once.
  [looks, pauses.length] = [0, 0];
  away.push(...Array.from({ length: 100 }, () => away[1]!));
  await expect(client.follow('/operation')).rejects.toMatchObject({ status: 503 });
  expect(pauses.reduce((sum, ms) => sum + ms, 0)).toBeWithin(170_000, 180_001);
  [looks, pauses.length] = [0, 0];
  away.unshift(() => Response.json({ error: { code: 'NotFound', message: 'gone' } }, { status: 404 }));
  await expect(client.follow('/operation')).rejects.toMatchObject({ status: 404 });
  expect(pauses).toEqual([]);
});

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: ManagementClientError) => {
      expect(error).toBeInstanceOf(ManagementClientError);
      return [error.status, error.code, error.target];
    },
  );

test('the client that is made of the declarations does all that the API does', async () => {
  const client = clientFor();
  const created = await client.put(
    registries,
    ['Registry'],
    { location: 'here', properties: { adminUserEnabled: true } },
    { ifNoneMatch: '*' },
  );
  // Types come from the declarations.
  const admin: boolean = created.properties.adminUserEnabled;
  const host: string | undefined = created.properties.loginServer;
  expect([admin, host]).toEqual([true, 'registry.example.com']);
  expect(await client.get(registries, ['registry'])).toEqual(created);
  expect(await client.list(registries)).toEqual([created]);

  const patched = await client.patch(registries, created.id, { tags: { a: 'b' } }, { ifMatch: created.etag });
  expect(patched.tags).toEqual({ a: 'b' });
  const stale = client.patch(registries, created.id, { tags: null }, { ifMatch: created.etag });
  expect(await failureOf(stale)).toEqual([412, 'PreconditionFailed', created.id]);

  for (let n = 100; n < 230; n++)
    await client.put(tokens, ['Registry', `token${n}`], { properties: { scopeMapId: 'a' } });
  expect((await client.list(tokens, ['Registry'])).map(({ name }) => name).at(-1)).toBe('token229');
  expect(await client.list(tokens, created.id)).toHaveLength(130);
  expect(await client.delete(tokens, ['Registry', 'token100'])).toBe(true);
  expect(await client.delete(tokens, ['Registry', 'token100'])).toBe(false);
  expect(await failureOf(client.get(tokens, ['Registry', 'token100']))).toEqual([
    404,
    'ResourceNotFound',
    idOf(tokens, ['Registry', 'token100']),
  ]);

  const scope = `${created.id}/repositories/team%2Fapp`;
  const id = idOf(assignments, ['33333333-3333-3333-3333-333333333333'], scope);
  await client.put(assignments, id, { properties: { principalId: 'p', roleDefinitionId: 'r' } });
  expect((await client.list(assignments, scope)).map((one) => one.id)).toEqual([id]);

  const credentials = await client.action(registries, registries.actions.generateCredentials, ['Registry'], {
    tokenId: 'x/y',
  });
  const username: string = credentials.username;
  expect([username, credentials.passwords]).toEqual(['y', [{ name: 'password1', value: 'shown once' }]]);
  const free = await client.providerAction(checkName, { name: 'another', type: registries.type });
  expect(free.nameAvailable).toBe(true);
});

test('it follows what is long-running, and tells how it failed', async () => {
  const client = clientFor();
  await client.put(registries, ['Second'], { location: 'here' });
  const copy = await client.put(replications, ['Second', 'west'], { location: 'there' });
  expect(copy.properties.provisioningState).toBe('Succeeded');
  expect(waits.length).toBeGreaterThan(0);
  expect(waits.every((ms) => ms === 1000)).toBe(true);
  const failing = client.put(replications, ['Second', 'east'], { location: 'there', properties: { fails: true } });
  expect(await failureOf(failing)).toEqual([200, 'InternalServerError', undefined]);
  const rebuilt = await client.action(registries, registries.actions.rebuild, ['Second']);
  expect(rebuilt).toEqual({ rebuilt: 3 });
  const hasty = clientFor(500).delete(replications, ['Second', 'west']);
  expect(await failureOf(hasty)).toEqual([200, 'OperationTimedOut', undefined]);
});

test('what another server answers is told by its status', async () => {
  const client = createManagementClient({
    endpoint: 'http://localhost',
    fetch: async () => new Response('<html>', { status: 502 }),
  });
  expect(await failureOf(client.get(registries, groupScope))).toEqual([502, 'HTTP 502', undefined]);
});
