import { afterAll, beforeAll, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { connectToWorkers, type WorkerConnection } from '../../test/http/worker-connections.ts';
import { claimsOf } from '../../test/http/tokens.ts';
import { registry } from '../../test/support/management.ts';
import { audience, issuer, jwt } from '../../test/support/people.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';
import { builtInRoles } from '../access/index.ts';
import { makeKey } from '../identity/federation/test-issuer.double.ts';
import { groupScope } from '../operations/index.ts';

/* What a client has just written by one process, it builds on by its next request, which another process may get. */

let server: TestProcess;
let workers: WorkerConnection[];
beforeAll(async () => {
  server = await startTestProcess({ settings: { processes: 2 } });
  workers = await connectToWorkers(Number(new URL(server.url).port), 2);
});
afterAll(async () => {
  for (const worker of workers ?? []) worker[Symbol.dispose]();
  await server?.[Symbol.asyncDispose]();
});

const versions: readonly [within: RegExp, version: string][] = [
  [/Microsoft\.Authorization/, '2022-04-01'],
  [/Microsoft\.ManagedIdentity/, '2023-01-31'],
  [/./, '2025-11-01'],
];
let turn = 0;

const next = () => workers[turn++ % workers.length]!;

/** Asks one process after the other. */
async function ask<T>(method: string, path: string, body?: object): Promise<{ status: number; value: T }> {
  const worker = next();
  const version = versions.find(([within]) => within.test(path))![1];
  const answer = await worker.send(method, `${path}?api-version=${version}`, {
    headers: { Host: server.host, 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, value: (answer.body === '' ? undefined : JSON.parse(answer.body)) as T };
}

const put = <T>(path: string, properties: object) => ask<T>('PUT', path, { location: 'local', properties });
const assignments = `${registry}/providers/Microsoft.Authorization/roleAssignments`;
const roleDefinitionId = builtInRoles.find(({ roleName }) => roleName === 'AcrPull')!.id;

test.each([1, 2, 3])('a token is made as az acr token create does, map, token, passwords (%i)', async (round) => {
  const [map, token] = [`${registry}/scopeMaps/map-${round}`, `${registry}/tokens/token-${round}`];
  expect(await put(map, { actions: ['repositories/app/content/read'] })).toMatchObject({ status: 201 });
  expect(await put(token, { scopeMapId: map })).toMatchObject({ status: 201 });
  const made = await ask<{ passwords: { value: string }[] }>('POST', `${registry}/generateCredentials`, {
    tokenId: token,
  });
  expect(made).toMatchObject({ status: 200, value: { username: `token-${round}` } });
  expect(made.value.passwords).toHaveLength(2);
});

/** Status and message of a login by the process whose turn it is. */
async function logIn(user: string, password: string): Promise<[status: number, message?: string]> {
  const headers = { Host: server.host, Authorization: `Basic ${btoa(`${user}:${password}`)}` };
  const { status, body } = await next().send('GET', `/oauth2/token?service=${server.host}`, { headers });
  const { errors } = JSON.parse(body) as { errors?: { message: string }[] };
  return errors ? [status, errors[0]!.message] : [status];
}

test('a password is good as soon as it is shown, whichever process it comes to', async () => {
  const token = `${registry}/tokens/at-once`;
  const scopeMapId = `${registry}/scopeMaps/_repositories_pull`;
  // One process has all of it, as that of a client which keeps its connection, and another one the login.
  for (const [method, path, body] of [
    ['PUT', token, { properties: { scopeMapId } }],
    ['PATCH', registry, { properties: { adminUserEnabled: true } }],
  ] as const) {
    turn = 0;
    expect((await ask(method, path, body)).status).toBeLessThan(300);
  }
  turn = 0;
  type Made = { username: string; passwords: { value: string }[] };
  const { value: made } = await ask<Made>('POST', `${registry}/generateCredentials`, { tokenId: token });
  expect(await logIn(made.username, made.passwords[0]!.value)).toEqual([200]);
  turn = 0;
  await ask('PATCH', registry, { properties: { adminUserEnabled: false } });
  turn = 1;
  const { value: off } = await ask<{ error: { message: string } }>('POST', `${registry}/listCredentials`);
  expect(off.error.message).toContain('is disabled');
  turn = 0;
  await ask('PATCH', registry, { properties: { adminUserEnabled: true } });
  turn = 0;
  const { value: admin } = await ask<Made>('POST', `${registry}/listCredentials`);
  expect(await logIn(admin.username, admin.passwords[0]!.value)).toEqual([200]);
});

test('a registry that another process has just made has tokens with passwords, which go with them', async () => {
  const other = `${groupScope}/providers/Microsoft.ContainerRegistry/registries/another`;
  expect(await put(other, {})).toMatchObject({ status: 201 });
  const token = `${other}/tokens/robot`;
  const scopeMapId = `${other}/scopeMaps/_repositories_pull`;
  expect(await put(token, { scopeMapId })).toMatchObject({ status: 201 });
  const made = await ask('POST', `${other}/generateCredentials`, { tokenId: token, name: 'password1' });
  expect(made).toMatchObject({ status: 200 });
  const found = await ask('GET', token);
  expect(found).toMatchObject({ value: { properties: { credentials: { passwords: [{ name: 'password1' }] } } } });
});

test('an identity has a role as soon as it is there, and a list has the assignment', async () => {
  const id = `${groupScope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/builder`;
  const { value } = await put<{ properties: { principalId: string } }>(id, {});
  const assignment = `${assignments}/${randomUUID()}`;
  const { principalId } = value.properties;
  expect(await put(assignment, { roleDefinitionId, principalId })).toMatchObject({ status: 201 });
  const { value: list } = await ask<{ value: { id: string }[] }>('GET', assignments);
  expect(list.value.map((one) => one.id)).toContain(assignment);
});

test('a group of an issuer that is trusted since a moment ago gets a role that was made a moment ago', async () => {
  const trusted = { issuer: 'https://groups.test', audiences: ['bonded'], jwks: { keys: [{ kty: 'EC' }] } };
  const issuers = `${groupScope}/providers/Microsoft.ContainerRegistry/trustedIssuers`;
  expect(await put(`${issuers}/groups`, trusted)).toMatchObject({ status: 201 });
  const whom = { principalType: 'Group', principalId: 'builders', issuer: trusted.issuer };
  expect(await put(`${assignments}/${randomUUID()}`, { roleDefinitionId, ...whom })).toMatchObject({ status: 201 });
  const role = `${registry}/providers/Microsoft.Authorization/roleDefinitions/${randomUUID()}`;
  expect(await put(role, { roleName: 'Mine', permissions: [{ actions: ['*/read'] }] })).toMatchObject({ status: 201 });
  const ofMine = { roleDefinitionId: role, ...whom };
  expect(await put(`${assignments}/${randomUUID()}`, ofMine)).toMatchObject({ status: 201 });
});

test('whoever logs in right after an identity was said to be theirs is that identity, not a stranger for three hours', async () => {
  const key = await makeKey('people-1', 'ES256');
  const issuers = `${groupScope}/providers/Microsoft.ContainerRegistry/trustedIssuers`;
  const trust = { issuer, audiences: [audience], jwks: { keys: [key.jwk] } };
  const identity = `${groupScope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/late`;
  const credential = `${identity}/federatedIdentityCredentials/main`;
  const logInElsewhere = async () => {
    turn = 1;
    const form = { grant_type: 'access_token', service: server.host, access_token: await jwt(key, 'late') };
    const { body } = await next().send('POST', '/oauth2/exchange', {
      headers: { Host: server.host, Authorization: '', 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    });
    return claimsOf((JSON.parse(body) as { refresh_token: string }).refresh_token);
  };
  turn = 0;
  expect((await put(`${issuers}/people`, trust)).status).toBe(201);
  expect(await logInElsewhere()).toMatchObject({ holder: { kind: 'federated' } });
  for (const [path, properties] of [
    [identity, {}],
    [credential, { issuer, subject: 'late' }],
  ] as const) {
    turn = 0;
    expect((await put(path, properties)).status).toBe(201);
  }
  expect(await logInElsewhere()).toMatchObject({ holder: { kind: 'identity', name: 'late' } });
});
