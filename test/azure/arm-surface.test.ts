import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { ContainerRegistryManagementClient } from '@azure/arm-containerregistry';
import { resourceGroup, subscriptionId } from '../../src/operations/index.ts';
import { fetch } from '../http/fetch.ts';
import { makeImage } from '../http/registry.ts';
import { registryId } from '../support/policies.ts';
import { type AzureServer, startAzureServer } from './azure-server.ts';

/*
 * Every operation of @azure/arm-containerregistry@12.0.0. What is not served answers with a clear error; whoever adds an
 * operation moves its line.
 */

type Client = ContainerRegistryManagementClient;
type Group = Exclude<keyof Client, 'pipeline'>;

/** Where each operation is shown to work: here, or in the tests of its capability. */
const covered: Record<string, Record<string, string>> = {
  operations: { list: 'here' },
  registries: {
    checkNameAvailability: 'here',
    create: 'here',
    get: 'here',
    update: 'here',
    delete: 'here',
    list: 'arm-containerregistry',
    listByResourceGroup: 'arm-containerregistry',
    listCredentials: 'arm-containerregistry',
    regenerateCredential: 'arm-containerregistry',
    generateCredentials: 'arm-containerregistry',
    importImage: 'here',
    listUsages: 'here',
    listPrivateLinkResources: 'private-endpoints',
    getPrivateLinkResource: 'private-endpoints',
  },
  replications: { create: 'here', get: 'here', update: 'here', delete: 'here', list: 'here' },
  scopeMaps: {
    create: 'arm-containerregistry',
    get: 'arm-containerregistry',
    update: 'arm-containerregistry',
    delete: 'arm-containerregistry',
    list: 'arm-containerregistry',
  },
  tokens: {
    create: 'arm-containerregistry',
    get: 'arm-containerregistry',
    update: 'arm-containerregistry',
    delete: 'arm-containerregistry',
    list: 'arm-containerregistry',
  },
  privateEndpointConnections: {
    createOrUpdate: 'private-endpoints',
    get: 'private-endpoints',
    delete: 'private-endpoints',
    list: 'private-endpoints',
  },
  webhooks: {
    create: 'not served',
    get: 'not served',
    update: 'not served',
    delete: 'not served',
    list: 'not served',
    ping: 'not served',
    getCallbackConfig: 'not served',
    listEvents: 'not served',
  },
  cacheRules: {
    create: 'not served',
    get: 'not served',
    update: 'not served',
    delete: 'not served',
    list: 'not served',
  },
  credentialSets: {
    create: 'not served',
    get: 'not served',
    update: 'not served',
    delete: 'not served',
    list: 'not served',
  },
  connectedRegistries: {
    create: 'not served',
    get: 'not served',
    update: 'not served',
    delete: 'not served',
    list: 'not served',
    deactivate: 'not served',
  },
};

let azure: AzureServer;
let client: Client;
const fast = { updateIntervalInMs: 5 };
const premium = { location: 'local', sku: { name: 'Premium' } };

beforeAll(async () => {
  azure = await startAzureServer();
  const credential = await azure.identity('owner', ['Owner'], `/subscriptions/${subscriptionId}`);
  const options = { endpoint: azure.url, ...azure.options };
  client = new ContainerRegistryManagementClient(credential, subscriptionId, options);
});
afterAll(() => azure?.[Symbol.asyncDispose]());

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found = [];
  for await (const one of list) found.push(one);
  return found;
}

const refusal = async (call: PromiseLike<unknown>): Promise<unknown> => {
  try {
    return { answered: await call };
  } catch (error) {
    return error;
  }
};

describe('the table', () => {
  test('has every operation of every group of the client', () => {
    const groups = Object.keys(client).filter((name) => typeof client[name as Group] === 'object');
    const operations = groups
      .map((group) => {
        const names = Object.keys(client[group as Group]);
        // `beginX` and `beginXAndWait` are older names of `x`.
        const own = names.map((name) =>
          name.replace(/^begin([A-Z])(.*?)(?:AndWait)?$/, (_, a, b) => a.toLowerCase() + b),
        );
        return [group, [...new Set(own)].toSorted()] as const;
      })
      .filter(([, names]) => names.length > 0 && !names.includes('_options'));
    const listed = Object.entries(covered).map(([group, names]) => [group, Object.keys(names).toSorted()] as const);
    const relevant = operations.filter(([group]) => !group.startsWith('_') && group !== 'pipeline');
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(relevant));
  });

  test('names where each is shown to work', async () => {
    const files = new Map<string, string>();
    for (const [group, names] of Object.entries(covered)) {
      for (const [name, where] of Object.entries(names)) {
        if (where === 'not served') continue;
        const file = where === 'here' ? 'arm-surface' : where;
        const text = files.get(file) ?? (await Bun.file(`${import.meta.dir}/${file}.test.ts`).text());
        files.set(file, text);
        const calls = new RegExp(
          `\\b${group}\\s*\\.(?:${name}|begin${name[0]!.toUpperCase()}${name.slice(1)}AndWait)\\(`,
        );
        expect([`${group}.${name}`, calls.test(text)]).toEqual([`${group}.${name}`, true]);
      }
    }
  });

  const absent = Object.entries(covered).flatMap(([group, names]) =>
    Object.entries(names).flatMap(([name, where]) => (where === 'not served' ? [[group, name] as const] : [])),
  );
  test.each(absent)('%s.%s is refused by the name of what is not there', async (group, name) => {
    const operations = client[group as Group] as unknown as Record<string, (...given: unknown[]) => unknown>;
    const nested = group !== 'registries' && !/^list$/.test(name);
    const given = [resourceGroup, 'default', ...(nested ? ['thing00'] : [])];
    const body = {
      location: 'local',
      properties: {},
      actions: [],
      authCredentials: [],
      logging: {},
      parent: { syncProperties: {} },
    };
    const writes = /^(?:create|createOrUpdate|update)$/.test(name);
    const called = operations[name]!(
      ...given,
      ...(writes ? [body] : []),
      ...(writes || name === 'delete' ? [fast] : []),
    );
    const isList = typeof called === 'object' && called !== null && Symbol.asyncIterator in called;
    const error = (await refusal(
      isList ? all(called as AsyncIterable<unknown>) : (called as PromiseLike<unknown>),
    )) as {
      statusCode: number;
      code: string;
      message: string;
    };
    expect([error.statusCode, error.code]).toEqual([404, 'InvalidResourceType']);
    const type = group === 'registries' ? name : group;
    // Of a page the client says no more than that it failed.
    if (isList) return;
    expect(error.message.toLowerCase()).toContain(type.toLowerCase());
  });
});

describe('operations', () => {
  test('are listed with what they are for', async () => {
    const found = await all(client.operations.list());
    expect(found.length).toBeGreaterThan(40);
    const names = found.map(({ name }) => name);
    for (const name of [
      'Microsoft.ContainerRegistry/registries/read',
      'Microsoft.ContainerRegistry/registries/importImage/action',
      'Microsoft.ContainerRegistry/registries/replications/write',
      'Microsoft.ContainerRegistry/registries/pull/read',
      'Microsoft.ContainerRegistry/registries/repositories/content/read',
    ])
      expect(names).toContain(name);
    expect(new Set(names).size).toBe(names.length);
    const data = found.find(({ name }) => name === 'Microsoft.ContainerRegistry/registries/repositories/content/read')!;
    expect(data).toMatchObject({ isDataAction: true, display: { provider: 'Microsoft Container Registry' } });
  });
});

describe('registries', () => {
  test('take what az acr create sends, and show what ACR shows', async () => {
    // As the portal, Bicep's defaults and `az acr create` send them.
    const defaults = {
      adminUserEnabled: false,
      anonymousPullEnabled: false,
      encryption: { status: 'disabled' },
      zoneRedundancy: 'Disabled',
      roleAssignmentMode: 'AbacRepositoryPermissions',
      policies: {
        quarantinePolicy: { status: 'disabled' },
        trustPolicy: { type: 'Notary', status: 'disabled' },
        retentionPolicy: { days: 7, status: 'disabled' },
        azureADAuthenticationAsArmPolicy: { status: 'enabled' },
      },
    };
    const created = await client.registries.create(resourceGroup, 'Surface', { ...premium, ...defaults }, fast);
    expect(created).toMatchObject({ ...defaults, name: 'Surface', provisioningState: 'Succeeded' });
    expect(created.status).toMatchObject({ displayStatus: 'Ready' });
    expect(created.status!.timestamp).toBeInstanceOf(Date);
    const bare = await client.registries.create(resourceGroup, 'Surface', premium, fast);
    expect(bare.policies).toMatchObject(defaults.policies);
    const read = await client.registries.get(resourceGroup, 'Surface');
    expect(read).toMatchObject({ zoneRedundancy: 'Disabled', encryption: { status: 'disabled' } });
    const name = 'Surface2';
    const check = { name, type: 'Microsoft.ContainerRegistry/registries' as const };
    expect(await client.registries.checkNameAvailability(check)).toMatchObject({ nameAvailable: true });
    expect(await client.registries.checkNameAvailability({ ...check, name: 'a-b' })).toMatchObject({
      nameAvailable: false,
      reason: 'Invalid',
    });
    const other = { ...check, type: 'Microsoft.ContainerRegistry/registries/tokens' as never };
    expect(await refusal(client.registries.checkNameAvailability(other))).toMatchObject({ statusCode: 400 });
  });

  test('take the quarantine policy, and show it', async () => {
    const quarantine = (status: string) => ({ policies: { quarantinePolicy: { status } } });
    const enabled = await client.registries.update(resourceGroup, 'Surface', quarantine('enabled'), fast);
    expect(enabled).toMatchObject(quarantine('enabled'));
    const disabled = await client.registries.update(resourceGroup, 'Surface', quarantine('disabled'), fast);
    expect(disabled).toMatchObject(quarantine('disabled'));
  });

  test.each([
    ['content trust', { policies: { trustPolicy: { status: 'enabled' } } }, 'policies.trustPolicy.status'],
    ['retention', { policies: { retentionPolicy: { days: 3, status: 'enabled' } } }, 'policies.retentionPolicy.status'],
    ['keys of the owner', { encryption: { status: 'enabled' } }, 'encryption.status'],
    ['an identity', { identity: { type: 'SystemAssigned' as const } }, 'identity.type'],
    ['a tier of old', { sku: { name: 'Classic' } }, 'no tier Classic'],
  ])('say of %s that it is not there, and change nothing', async (_, change, target) => {
    const before = await client.registries.get(resourceGroup, 'default');
    const error = (await refusal(client.registries.update(resourceGroup, 'default', change, fast))) as {
      statusCode: number;
      code: string;
      message: string;
    };
    expect([error.statusCode, error.code]).toEqual([400, 'InvalidRequestContent']);
    expect(error.message).toContain(target);
    expect(await client.registries.get(resourceGroup, 'default')).toEqual(before);
  });

  test('say of zones at creation that how many there are is not theirs to say', async () => {
    const content = { ...premium, zoneRedundancy: 'Enabled' };
    const error = (await refusal(client.registries.create(resourceGroup, 'Zones', content, fast))) as {
      message: string;
    };
    expect(error).toMatchObject({ statusCode: 400, code: 'InvalidRequestContent' });
    expect(error.message).toContain('zoneRedundancy');
  });

  test('say what they use of what their tier has, as az acr show-usage shows it', async () => {
    await client.registries.create(resourceGroup, 'Usages', { ...premium, sku: { name: 'Standard' } }, fast);
    const { value } = await client.registries.listUsages(resourceGroup, 'Usages');
    expect(value!.map(({ name, limit, currentValue, unit }) => [name, limit, currentValue, unit])).toEqual([
      ['Size', 40 * 1024 ** 4, 0, 'Bytes'],
      ['Webhooks', 10, 0, 'Count'],
      ['Geo-replications', 1, 1, 'Count'],
      ['IPRules', 0, 0, 'Count'],
      ['VNetRules', 0, 0, 'Count'],
      ['PrivateEndpointConnections', 0, 0, 'Count'],
      ['ScopeMaps', 500, 0, 'Count'],
      ['Tokens', 500, 0, 'Count'],
    ]);
    const more = client.replications.create(resourceGroup, 'Usages', 'eastus', { location: 'eastus' }, fast);
    expect(await refusal(more)).toMatchObject({ statusCode: 409, code: 'Conflict' });
  });

  test('change their tier, unless what they have speaks against it', async () => {
    await client.registries.create(resourceGroup, 'Moving', { ...premium, anonymousPullEnabled: true }, fast);
    const moved = await client.registries.update(resourceGroup, 'Moving', { sku: { name: 'Standard' } }, fast);
    expect(moved.sku).toEqual({ name: 'Standard', tier: 'Standard' });
    const error = await refusal(client.registries.update(resourceGroup, 'Moving', { sku: { name: 'Basic' } }, fast));
    expect(error).toMatchObject({ statusCode: 409, code: 'Conflict' });
    expect(String(error)).toContain('the registry cannot change from Standard to Basic');
  });

  test('import an image, as az acr import does', async () => {
    const image = makeImage();
    const headers = { 'Content-Type': 'application/octet-stream' };
    for (const bytes of [image.config, image.layer]) {
      const digest = `sha256:${new Bun.CryptoHasher('sha256').update(bytes).digest('hex')}`;
      const path = `/v2/team/app/blobs/uploads/?digest=${digest}`;
      expect((await azure.call(path, { method: 'POST', body: bytes, headers })).status).toBe(201);
    }
    const put = await azure.call('/v2/team/app/manifests/v1', {
      method: 'PUT',
      body: image.text,
      headers: { 'Content-Type': 'application/vnd.oci.image.manifest.v1+json' },
    });
    expect(put.status).toBe(201);
    await client.registries.create(resourceGroup, 'Imports', premium, fast);
    const source = { resourceId: registryId('default'), sourceImage: 'team/app:v1' };
    const parameters = { source, targetTags: ['copy:v1'], mode: 'NoForce' };
    // In ABAC mode owners of a registry may not pull from it.
    expect(
      await refusal(client.registries.beginImportImageAndWait(resourceGroup, 'Imports', parameters, fast)),
    ).toMatchObject({
      statusCode: 403,
      code: 'AuthorizationFailed',
    });
    const puller = await azure.identity(
      'importer',
      ['Owner', 'Container Registry Repository Reader'],
      `/subscriptions/${subscriptionId}`,
    );
    const importer = new ContainerRegistryManagementClient(puller, subscriptionId, {
      endpoint: azure.url,
      ...azure.options,
    });
    await importer.registries.beginImportImageAndWait(resourceGroup, 'Imports', parameters, fast);
    const copied = await fetch(`${azure.url}/v2/copy/manifests/v1`, {
      method: 'HEAD',
      headers: { Host: 'imports.localhost' },
      tls: { ca: azure.options.tlsOptions.ca, rejectUnauthorized: false },
    });
    expect(copied.headers.get('docker-content-digest')).toBe(image.digest);
    const missing = { ...parameters, source: { ...source, sourceImage: 'team/app:v9' } };
    expect(
      await refusal(importer.registries.beginImportImageAndWait(resourceGroup, 'Imports', missing, fast)),
    ).toMatchObject({
      statusCode: 404,
      code: 'ResourceNotFound',
    });
    const remote = { registryUri: 'registry.invalid', sourceImage: 'a:b' };
    const failing = { ...parameters, source: remote };
    const failed = await refusal(importer.registries.beginImportImageAndWait(resourceGroup, 'Imports', failing, fast));
    expect(String(failed)).toMatch(/OperationFailed.*registry\.invalid has no address/);
  });
});

describe('replications', () => {
  test('are kept, and the home region is always one', async () => {
    await client.registries.create(resourceGroup, 'Regions', { ...premium, location: 'West Europe' }, fast);
    const names = async () => (await all(client.replications.list(resourceGroup, 'Regions'))).map(({ name }) => name);
    expect(await names()).toEqual(['westeurope']);
    const home = await client.replications.get(resourceGroup, 'Regions', 'westeurope');
    expect(home).toMatchObject({
      location: 'West Europe',
      provisioningState: 'Succeeded',
      regionEndpointEnabled: true,
      zoneRedundancy: 'Disabled',
      status: { displayStatus: 'Ready' },
    });
    const created = await client.replications.create(
      resourceGroup,
      'Regions',
      'eastus',
      { location: 'eastus', tags: { a: 'b' } },
      fast,
    );
    expect(created).toMatchObject({ name: 'eastus', status: { displayStatus: 'Waiting' }, tags: { a: 'b' } });
    const drained = await client.replications.update(
      resourceGroup,
      'Regions',
      'eastus',
      { regionEndpointEnabled: false },
      fast,
    );
    expect(drained).toMatchObject({ regionEndpointEnabled: false, tags: { a: 'b' } });
    expect(
      (await client.replications.update(resourceGroup, 'Regions', 'westeurope', { regionEndpointEnabled: false }, fast))
        .regionEndpointEnabled,
    ).toBe(false);
    expect(await names()).toEqual(['eastus', 'westeurope']);
    const { value } = await client.registries.listUsages(resourceGroup, 'Regions');
    const usages = Object.fromEntries(value!.map(({ name, currentValue }) => [name, currentValue]));
    expect(usages).toMatchObject({ 'Geo-replications': 2, Size: 0, Webhooks: 0, Tokens: 0 });
    expect(value!.find(({ name }) => name === 'Size')!.unit).toBe('Bytes');
    expect(await refusal(client.replications.delete(resourceGroup, 'Regions', 'westeurope', fast))).toMatchObject({
      statusCode: 409,
      code: 'Conflict',
    });
    const elsewhere = { location: 'northeurope' };
    expect(
      await refusal(client.replications.create(resourceGroup, 'Regions', 'southindia', elsewhere, fast)),
    ).toMatchObject({ statusCode: 400, code: 'InvalidRequestContent' });
    // Leaving Premium needs them gone, but for the home region.
    const standard = { sku: { name: 'Standard' }, roleAssignmentMode: 'LegacyRegistryPermissions' };
    expect(await refusal(client.registries.update(resourceGroup, 'Regions', standard, fast))).toMatchObject({
      statusCode: 409,
    });
    await client.replications.delete(resourceGroup, 'Regions', 'eastus', fast);
    expect(await names()).toEqual(['westeurope']);
    expect((await client.registries.update(resourceGroup, 'Regions', standard, fast)).sku.name).toBe('Standard');
    expect(
      await refusal(client.replications.create(resourceGroup, 'Regions', 'eastus', { location: 'eastus' }, fast)),
    ).toMatchObject({ statusCode: 409, code: 'Conflict' });
    await client.registries.delete(resourceGroup, 'Regions', fast);
    expect(await refusal(client.replications.get(resourceGroup, 'Regions', 'westeurope'))).toMatchObject({
      statusCode: 404,
    });
    // What an older version has made gets its home, too.
    expect((await all(client.replications.list(resourceGroup, 'default'))).map(({ name }) => name)).toEqual(['local']);
  });
});
