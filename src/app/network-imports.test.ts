import { afterAll, beforeAll, expect, test } from 'bun:test';
import { pushImage } from '../../test/http/registry.ts';
import { bearer, registryScope } from '../../test/support/people.ts';
import { importInto, postImport } from '../importing/import-rig.double.ts';
import { type NetworkRig, startNetworkRig } from './network-rig.double.ts';

/* Imports take out of a registry no more than pulls would, from where somebody is. */

const teamb = registryScope.replace(/default$/, 'teamb');
const source = { resourceId: registryScope, sourceImage: 'app:v1' };
const body = { source, targetTags: ['app:v1'], mode: 'Force' };

let rig: NetworkRig;
beforeAll(async () => {
  rig = await startNetworkRig({ settings: { registries: [{ name: 'teamb' }] } });
  await pushImage(rig.url, 'app', 'v1');
  const ada = await rig.people.identity('ada');
  await rig.people.assign('Container Registry Repository Reader', ada);
  await rig.people.assign('Owner', ada, {}, teamb);
});
afterAll(() => rig[Symbol.asyncDispose]());

/** What becomes of an import that somebody asks for at the other registry, from an address. */
async function importFrom(address: string, resourceId = registryScope) {
  const headers = {
    Authorization: bearer(await rig.people.jwt('ada')),
    Host: `teamb.localhost:${new URL(rig.url).port}`,
    'Content-Type': 'application/json',
  };
  const path = `${teamb}/importImage?api-version=2025-11-01`;
  const answer = await rig.from(address, path, {
    method: 'POST',
    headers,
    body: JSON.stringify({ ...body, source: { ...source, resourceId } }),
  });
  return { status: answer.status, text: await answer.text() };
}

test('who may not pull from where they are imports nothing from there into another registry', async () => {
  const rules = (...ipRules: object[]) => rig.people.registry({ networkRuleSet: { defaultAction: 'Deny', ipRules } });
  await rules({ value: '192.0.2.1' }, { value: '192.0.2.2', scope: ['manage'] });
  expect((await importFrom('192.0.2.1')).status).toBe(202);
  for (const address of ['192.0.2.2', '192.0.2.3']) {
    const { status, text } = await importFrom(address);
    expect([status, text]).toEqual([403, expect.stringContaining(`client with IP '${address}' is not allowed access`)]);
  }
  // By no other spelling of the registry's id either.
  const type = 'Microsoft.ContainerRegistry/registries';
  for (const id of [
    registryScope.toUpperCase(),
    registryScope.replace('default', '%64efault'),
    registryScope.replace(/subscriptions\/[^/]+/, 'subscriptions/11111111-1111-1111-1111-111111111111'),
    registryScope.replace(/resourceGroups\/[^/]+/, 'resourceGroups/elsewhere'),
    `/providers/${type}/default`,
    `${teamb}/providers/${type}/default`,
  ]) {
    const { status } = await importFrom('192.0.2.3', id);
    expect([id, status >= 400]).toEqual([id, true]);
  }
  await rig.people.registry({ networkRuleSet: { defaultAction: 'Allow' } });
});

test('nothing is imported from a registry whose exports are disabled; pulls go on', async () => {
  const policies = (status: string) => ({ policies: { exportPolicy: { status } } });
  expect((await importInto(rig, body, 'teamb')).status).toBe('Succeeded');
  await rig.people.registry({ ...policies('disabled'), publicNetworkAccess: 'Disabled' });
  const refused = await postImport(rig, body, 'teamb');
  expect(refused.status).toBe(409);
  expect(await refused.text()).toContain('the registry default lets nothing be imported from it');
  await rig.connect('own', 'Approved', { listener: 'approved' });
  const headers = { Authorization: bearer(await rig.people.jwt('ada')) };
  expect((await rig.from('10.0.0.1', '/v2/app/manifests/v1', { url: rig.urls.approved, headers })).status).toBe(200);
  await rig.people.registry({ ...policies('enabled'), publicNetworkAccess: 'Enabled' });
  expect((await importInto(rig, body, 'teamb')).status).toBe('Succeeded');
});
