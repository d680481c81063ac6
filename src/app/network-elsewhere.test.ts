import { afterAll, beforeAll, expect, test } from 'bun:test';
import { pushImage } from '../../test/http/registry.ts';
import { bearer, registryScope } from '../../test/support/people.ts';
import { groupScope } from '../operations/index.ts';
import { type NetworkRig, startNetworkRig } from './network-rig.double.ts';

/* A registry that is closed stays so for whoever asks at another one. */

let rig: NetworkRig;
beforeAll(async () => {
  rig = await startNetworkRig({ settings: { registries: [{ name: 'teamb' }] } });
  await pushImage(rig.url, 'app', 'v1');
  await rig.people.assign('Owner', await rig.people.identity('ada'), {}, groupScope);
  await rig.people.registry({ networkRuleSet: { defaultAction: 'Deny', ipRules: [{ value: '192.0.2.1' }] } });
});
afterAll(() => rig[Symbol.asyncDispose]());

const assignment = 'providers/Microsoft.Authorization/roleAssignments';

/** Asks for something by the host of the open registry. */
async function ask(address: string, method: string, path: string, body?: object) {
  const headers = {
    Authorization: bearer(await rig.people.jwt('ada')),
    Host: `teamb.localhost:${new URL(rig.url).port}`,
    'Content-Type': 'application/json',
  };
  const version = path.includes('Microsoft.Authorization') ? '2022-04-01' : '2025-11-01';
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
  const answer = await rig.from(address, `${path}?api-version=${version}`, init);
  return { status: answer.status, text: await answer.text() };
}

test.each([
  ['GET', '', undefined],
  ['GET', '/repositories/app/tags', undefined],
  ['GET', '/listUsages', undefined],
  ['POST', '/listStorage', {}],
  ['POST', '/explainAccess', { anonymous: true, action: 'pull' }],
  ['POST', '/regenerateCredential', { name: 'password' }],
  ['POST', '/importImage', { source: { registryUri: 'ghcr.io', sourceImage: 'a:b' }, targetTags: ['a:b'] }],
  ['GET', '/operationStatuses/6f9619ff-8b86-d011-b42d-00c04fc964ff', undefined],
  ['GET', `/repositories/app/${assignment}`, undefined],
  ['PUT', `/${assignment}/6f9619ff-8b86-d011-b42d-00c04fc964ff`, { properties: {} }],
  ['DELETE', '/privateEndpointConnections/x', undefined],
  ['PATCH', '', { properties: { networkRuleSet: { defaultAction: 'Allow' } } }],
] as const)('%s of its resource%s is refused there', async (method, path, body) => {
  for (const id of [registryScope, registryScope.toUpperCase(), registryScope.replace('default', '%64efault')]) {
    const refused = await ask('198.51.100.1', method, `${id}${path}`, body);
    expect([id, refused.status]).toEqual([id, 403]);
    expect(refused.text).toContain("client with IP '198.51.100.1' is not allowed access");
  }
});

test('lists show it to whom they would show it by its id', async () => {
  const [subscription] = groupScope.split('/resourceGroups');
  for (const scope of [groupScope, subscription!]) {
    const names = async (address: string) => {
      const { text } = await ask(address, 'GET', `${scope}/providers/Microsoft.ContainerRegistry/registries`);
      return (JSON.parse(text) as { value: { name: string }[] }).value.map(({ name }) => name).toSorted();
    };
    expect(await names('192.0.2.1')).toEqual(['default', 'teamb']);
    expect(await names('198.51.100.1')).toEqual(['teamb']);
  }
});

test('what is assigned in it is explained to nobody else', async () => {
  const explain = async (address: string, scope: string) => {
    const body = { identityName: 'ada', action: 'Microsoft.ContainerRegistry/registries/read', scope };
    const path = `${groupScope}/providers/Microsoft.Authorization/explainAccess`;
    return (await ask(address, 'POST', path, body)).status;
  };
  expect(await explain('198.51.100.1', registryScope)).toBe(403);
  expect(await explain('192.0.2.1', registryScope)).toBe(200);
  expect(await explain('198.51.100.1', registryScope.replace(/default$/, 'teamb'))).toBe(200);
});
