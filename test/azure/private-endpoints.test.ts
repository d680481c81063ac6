import 'reflect-metadata';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { ContainerRegistryManagementClient } from '@azure/arm-containerregistry';
import { resourceGroup, subscriptionId } from '../../src/operations/index.ts';
import { registryId } from '../support/policies.ts';
import { type AzureServer, startAzureServer } from './azure-server.ts';

/* Networks of a registry by the published client of the management API (acr §4.3). */

let azure: AzureServer;
let client: ContainerRegistryManagementClient;
const fast = { updateIntervalInMs: 5 };
const at = [resourceGroup, 'default'] as const;
const connection = `${registryId('default')}/privateEndpointConnections/office`;

beforeAll(async () => {
  azure = await startAzureServer();
  const credential = await azure.identity('owner', ['Owner'], `/subscriptions/${subscriptionId}`);
  client = new ContainerRegistryManagementClient(credential, subscriptionId, { endpoint: azure.url, ...azure.options });
});
afterAll(() => azure[Symbol.asyncDispose]());

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of list) found.push(one);
  return found;
}

test('network rules are written and read', async () => {
  const networkRuleSet = {
    defaultAction: 'Allow',
    ipRules: [
      { action: 'Allow', iPAddressOrRange: '203.0.113.0/24' },
      { action: 'Allow', iPAddressOrRange: '2001:db8::/32' },
    ],
  };
  const properties = { networkRuleSet, networkRuleBypassOptions: 'None', dataEndpointEnabled: true };
  const updated = await client.registries.update(...at, properties, fast);
  expect(updated.networkRuleSet).toEqual(networkRuleSet);
  const shown = await client.registries.get(...at);
  expect(shown).toMatchObject({
    networkRuleSet,
    publicNetworkAccess: 'Enabled',
    networkRuleBypassOptions: 'None',
    dataEndpointEnabled: true,
    dataEndpointHostNames: ['default.local.data.localhost'],
  });
  const refused = client.registries.update(
    ...at,
    { networkRuleSet: { defaultAction: 'Deny', ipRules: [{ action: 'Allow', iPAddressOrRange: '203.0.113.7/24' }] } },
    fast,
  );
  const error = await Promise.resolve(refused).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'InvalidRequestContent', statusCode: 400 });
});

test('a connection that is there is approved as az does it: read, changed, written, and stays known by its listener', async () => {
  await azure.put(connection, { listener: '10.1.0.5:5443' });
  const pending = await client.privateEndpointConnections.get(...at, 'office');
  expect(pending.privateLinkServiceConnectionState).toMatchObject({ status: 'Pending' });
  const approved = await client.privateEndpointConnections.createOrUpdate(
    ...at,
    'office',
    { ...pending, privateLinkServiceConnectionState: { status: 'Approved', description: 'agreed' } },
    fast,
  );
  expect(approved).toMatchObject({
    provisioningState: 'Succeeded',
    privateLinkServiceConnectionState: { status: 'Approved', description: 'agreed' },
  });
  const kept = (await (await azure.call(`${connection}?api-version=2023-07-01`)).json()) as { properties: object };
  expect(kept.properties).toMatchObject({ listener: '10.1.0.5:5443' });
  expect((await all(client.privateEndpointConnections.list(...at))).map(({ name }) => name)).toEqual(['office']);
  const { privateEndpointConnections } = await client.registries.get(...at);
  expect(privateEndpointConnections).toMatchObject([
    { name: 'office', privateLinkServiceConnectionState: { status: 'Approved' } },
  ]);
  await client.privateEndpointConnections.delete(...at, 'office', fast);
  expect(await all(client.privateEndpointConnections.list(...at))).toEqual([]);
});

test('what a private endpoint leads to is listed', async () => {
  const [one, ...more] = await all(client.registries.listPrivateLinkResources(...at));
  expect(more).toEqual([]);
  const properties = {
    groupId: 'registry',
    requiredMembers: ['registry', 'registry_data_local'],
    requiredZoneNames: ['privatelink.localhost'],
  };
  const wanted = { name: 'registry', properties };
  expect(one).toMatchObject(wanted);
  expect(await client.registries.getPrivateLinkResource(...at, 'registry')).toMatchObject(wanted);
});
