import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { ContainerRegistryManagementClient } from '@azure/arm-containerregistry';
import { resourceGroup, subscriptionId } from '../../src/operations/index.ts';
import { group, registryId } from '../support/policies.ts';
import { type AzureServer, startAzureServer } from './azure-server.ts';

/* The published client of the management API, which shows the token of an issuer as it is. */

let azure: AzureServer;
let client: ContainerRegistryManagementClient;
const subscription = `/subscriptions/${subscriptionId}`;
const fast = { updateIntervalInMs: 5 };
const premium = { location: 'local', sku: { name: 'Premium' } };

beforeAll(async () => {
  azure = await startAzureServer();
  client = await clientOf('owner', ['Owner'], subscription);
});
afterAll(() => azure[Symbol.asyncDispose]());

async function clientOf(name: string, roles: readonly string[], scope = group) {
  const credential = await azure.identity(name, roles, scope);
  return new ContainerRegistryManagementClient(credential, subscriptionId, { endpoint: azure.url, ...azure.options });
}

async function names(list: AsyncIterable<{ name?: string }>): Promise<(string | undefined)[]> {
  const found = [];
  for await (const { name } of list) found.push(name);
  return found;
}

/** What a call was refused with. Its poller is no promise. */
const refusal = async (call: PromiseLike<unknown>): Promise<unknown> => {
  try {
    return { answered: await call };
  } catch (error) {
    return error;
  }
};

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 45_000; !(await condition());) {
    if (Date.now() > end) throw new Error('it did not come to pass');
    await Bun.sleep(50);
  }
}

/** Asks a registry by its own host, as who has these credentials or nobody. */
const ask = (registry: string, path: string, authorization?: string, method = 'GET') =>
  fetch(`${azure.url}${path}`, {
    method,
    headers: { Host: `${registry.toLowerCase()}.localhost`, ...(authorization && { Authorization: authorization }) },
    tls: { ca: azure.options.tlsOptions.ca, rejectUnauthorized: false },
  } as RequestInit);
const basic = (username: string, password: string) => `Basic ${btoa(`${username}:${password}`)}`;

describe('registries', () => {
  test('are created, read, listed, changed and deleted', async () => {
    const kind = 'Microsoft.ContainerRegistry/registries';
    expect(await client.registries.checkNameAvailability({ name: 'First', type: kind })).toMatchObject({
      nameAvailable: true,
    });
    const created = await client.registries.create(resourceGroup, 'First', { ...premium, tags: { team: 'a' } }, fast);
    expect(created).toMatchObject({
      name: 'First',
      id: registryId('First'),
      type: kind,
      provisioningState: 'Succeeded',
    });
    expect(created).toMatchObject({ sku: { name: 'Premium' }, tags: { team: 'a' }, adminUserEnabled: false });
    expect(created.loginServer).toBe(`first.localhost:${new URL(azure.url).port}`);
    expect(created.creationDate).toBeInstanceOf(Date);
    const taken = await client.registries.checkNameAvailability({ name: 'first', type: kind });
    expect(taken).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' });
    const change = {
      sku: { name: 'Standard' },
      adminUserEnabled: true,
      anonymousPullEnabled: true,
      tags: { team: 'b' },
    };
    const updated = await client.registries.update(resourceGroup, 'First', change, fast);
    expect(updated).toMatchObject(change);
    const read = await client.registries.get(resourceGroup, 'first');
    expect(read).toMatchObject({ ...change, name: 'First' });
    for (const list of [client.registries.list(), client.registries.listByResourceGroup(resourceGroup)])
      expect((await names(list)).toSorted()).toEqual(['First', 'default']);
    await client.registries.delete(resourceGroup, 'First', fast);
    await client.registries.delete(resourceGroup, 'First', fast);
    expect(await refusal(client.registries.get(resourceGroup, 'First'))).toMatchObject({
      statusCode: 404,
      code: 'ResourceNotFound',
    });
    expect(await names(client.registries.list())).toEqual(['default']);
  });

  test('have an admin user with two passwords where that is on', async () => {
    await client.registries.create(resourceGroup, 'Admins', premium, fast);
    expect(await refusal(client.registries.listCredentials(resourceGroup, 'Admins'))).toMatchObject({
      statusCode: 409,
    });
    await client.registries.update(resourceGroup, 'Admins', { adminUserEnabled: true }, fast);
    const shown = await client.registries.listCredentials(resourceGroup, 'Admins');
    expect(shown.username).toBe('Admins');
    expect(shown.passwords!.map(({ name }) => name)).toEqual(['password', 'password2']);
    const [first, second] = shown.passwords!.map(({ value }) => basic('Admins', value!));
    for (const one of [first, second]) expect((await ask('Admins', '/v2/', one)).status).toBe(200);
    const anew = await client.registries.regenerateCredential(resourceGroup, 'Admins', { name: 'password' });
    const value = anew.passwords!.find(({ name }) => name === 'password')!.value!;
    expect((await ask('Admins', '/v2/', basic('Admins', value))).status).toBe(200);
    // What was found to be right is believed for three seconds.
    await until(async () => (await ask('Admins', '/v2/', first)).status === 401);
    expect((await ask('Admins', '/v2/', second)).status).toBe(200);
    await client.registries.update(resourceGroup, 'Admins', { adminUserEnabled: false }, fast);
    // Whether it is still believed or is looked up again.
    expect((await ask('Admins', '/v2/', second)).status).toBe(403);
    expect((await ask('Admins', '/v2/', basic('Admins', value))).status).toBe(403);
    await client.registries.delete(resourceGroup, 'Admins', fast);
  });

  test('that the configuration has are not deleted, and what is wrong is said', async () => {
    expect(await refusal(client.registries.delete(resourceGroup, 'default', fast))).toMatchObject({
      statusCode: 409,
      code: 'Conflict',
    });
    expect(await refusal(client.registries.create(resourceGroup, 'no', premium, fast))).toMatchObject({
      statusCode: 400,
      code: 'InvalidResourceName',
    });
    expect(await refusal(client.registries.create('elsewhere', 'Second', premium, fast))).toMatchObject({
      statusCode: 404,
      code: 'ResourceGroupNotFound',
    });
  });

  test('are nobody’s without a right to them', async () => {
    const reader = await clientOf('reader', ['Reader']);
    expect(await names(reader.registries.list())).toContain('default');
    expect(await refusal(reader.registries.create(resourceGroup, 'Readers', premium, fast))).toMatchObject({
      statusCode: 403,
      code: 'AuthorizationFailed',
    });
    const nobody = await clientOf('nobody', []);
    expect(await refusal(nobody.registries.get(resourceGroup, 'default'))).toMatchObject({ statusCode: 403 });
  });
});

describe('scope maps and tokens', () => {
  const map = `${registryId('default')}/scopeMaps/readers`;

  test('are created, read, listed, changed and deleted', async () => {
    const actions = ['repositories/team/*/content/read'];
    const created = await client.scopeMaps.create(
      resourceGroup,
      'default',
      'readers',
      { description: 'reads', actions },
      fast,
    );
    expect(created).toMatchObject({ name: 'readers', actions, description: 'reads', provisioningState: 'Succeeded' });
    const more = [...actions, 'repositories/app/metadata/read'];
    expect(
      (await client.scopeMaps.update(resourceGroup, 'default', 'readers', { actions: more }, fast)).actions,
    ).toEqual(more);
    expect((await client.scopeMaps.get(resourceGroup, 'default', 'readers')).actions).toEqual(more);
    const all = await names(client.scopeMaps.list(resourceGroup, 'default'));
    expect(all).toEqual(
      expect.arrayContaining(['readers', '_repositories_pull', '_repositories_push', '_repositories_admin']),
    );
    const wrong = { actions: ['repositories/app/content/fly'] };
    expect(await refusal(client.scopeMaps.create(resourceGroup, 'default', 'wrong', wrong, fast))).toMatchObject({
      statusCode: 400,
    });

    const token = await client.tokens.create(
      resourceGroup,
      'default',
      'robot',
      { scopeMapId: map, status: 'enabled' },
      fast,
    );
    expect(token).toMatchObject({ name: 'robot', scopeMapId: map, status: 'enabled', provisioningState: 'Succeeded' });
    expect(await names(client.tokens.list(resourceGroup, 'default'))).toEqual(['robot']);
    expect((await client.tokens.update(resourceGroup, 'default', 'robot', { status: 'disabled' }, fast)).status).toBe(
      'disabled',
    );
    await client.tokens.delete(resourceGroup, 'default', 'robot', fast);
    expect(await refusal(client.tokens.get(resourceGroup, 'default', 'robot'))).toMatchObject({ statusCode: 404 });
    await client.scopeMaps.delete(resourceGroup, 'default', 'readers', fast);
    expect(await names(client.scopeMaps.list(resourceGroup, 'default'))).not.toContain('readers');
  });

  test('passwords of a token are shown once, and work as long as it is enabled', async () => {
    await client.scopeMaps.create(
      resourceGroup,
      'default',
      'readers',
      { actions: ['repositories/team/*/content/read'] },
      fast,
    );
    const { id } = await client.tokens.create(resourceGroup, 'default', 'robot', { scopeMapId: map }, fast);
    const expiry = new Date(Date.now() + 3_600_000);
    const made = await client.registries.generateCredentials(resourceGroup, 'default', { tokenId: id!, expiry }, fast);
    expect(made.username).toBe('robot');
    expect(made.passwords!.map(({ name }) => name).toSorted()).toEqual(['password1', 'password2']);
    const password = basic('robot', made.passwords![0]!.value!);
    expect((await ask('default', '/v2/', password)).status).toBe(200);
    expect((await ask('default', '/v2/other/tags/list', password)).status).toBe(403);
    expect((await ask('default', '/v2/team/app/tags/list', password)).status).toBe(404);
    const read = await client.tokens.get(resourceGroup, 'default', 'robot');
    const known = read.credentials!.passwords!;
    expect(known.map(({ name }) => name).toSorted()).toEqual(['password1', 'password2']);
    expect(known.every(({ value }) => value === undefined)).toBe(true);
    expect(known[0]!.expiry).toBeInstanceOf(Date);
    await client.tokens.update(resourceGroup, 'default', 'robot', { status: 'disabled' }, fast);
    expect((await ask('default', '/v2/', password)).status).toBe(401);
    await client.tokens.delete(resourceGroup, 'default', 'robot', fast);
  });
});

describe('a created registry', () => {
  test('answers at its own host at once; deleted, at none; created again, it is another one', async () => {
    const admin = async () => {
      await client.registries.create(resourceGroup, 'Again', { ...premium, adminUserEnabled: true }, fast);
      const { passwords } = await client.registries.listCredentials(resourceGroup, 'Again');
      return basic('Again', passwords![0]!.value!);
    };
    expect((await ask('Again', '/v2/')).status).toBe(403);
    const before = await admin();
    expect((await ask('Again', '/v2/')).status).toBe(401);
    const scope = encodeURIComponent('repository:team/app:pull,push');
    const login = await ask('Again', `/oauth2/token?service=again.localhost&scope=${scope}`, before);
    const { access_token: token } = (await login.json()) as { access_token: string };
    const upload = await ask('Again', '/v2/team/app/blobs/uploads/', `Bearer ${token}`, 'POST');
    expect(upload.status).toBe(202);
    await client.registries.delete(resourceGroup, 'Again', fast);
    for (const authorization of [undefined, before, `Bearer ${token}`])
      expect((await ask('Again', '/v2/', authorization)).status).toBe(403);
    const after = await admin();
    expect((await ask('Again', '/v2/', after)).status).toBe(200);
    expect((await ask('Again', '/v2/', before)).status).toBe(401);
    expect((await ask('Again', '/v2/team/app/tags/list', `Bearer ${token}`)).status).toBe(401);
    const session = upload.headers.get('location')!;
    expect((await ask('Again', new URL(session, azure.url).pathname, after)).status).toBe(404);
    await client.registries.delete(resourceGroup, 'Again', fast);
  });
});
