import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { registry } from '../../test/support/management.ts';
import { startTestApp, type TestServer } from '../../test/support/server.ts';
import { mayExport } from './network-contract.ts';

/* Network rules as they are written (acr §4.3): nothing that could be read in two ways gets in. */

let server: TestServer;
beforeAll(async () => void (server = await startTestApp()));
afterAll(() => server[Symbol.asyncDispose]());

interface Answer {
  properties: Record<string, unknown> & { networkRuleSet: { ipRules: unknown[] } };
  error: { code: string; message: string; details: { target: string; message: string }[] };
}

async function write(properties: unknown, method = 'PATCH', name = 'default'): Promise<{ status: number } & Answer> {
  const answer = await fetch(`${server.url}${registry.replace(/default$/, name)}?api-version=2025-11-01`, {
    method,
    body: JSON.stringify({ properties }),
    headers: { 'Content-Type': 'application/json' },
  });
  return { status: answer.status, ...((await answer.json()) as Answer) };
}

const allow = (value: unknown) => ({ action: 'Allow', value });
const ruleSet = (ipRules: unknown, more: object = {}) => ({ networkRuleSet: { ipRules, ...more } });

test('a registry has the properties of ACR, open by default', async () => {
  const created = await write({}, 'PUT', 'plain');
  expect(created.properties).toMatchObject({
    publicNetworkAccess: 'Enabled',
    networkRuleSet: { defaultAction: 'Allow', ipRules: [], virtualNetworkRules: [] },
    networkRuleBypassOptions: 'AzureServices',
    networkRuleBypassAllowedForTasks: false,
    trustedIdentities: [],
    dataEndpointEnabled: false,
    dataEndpointHostNames: [],
    privateEndpointConnections: [],
  });
});

test('what is wrong with a rule is said with its place in the list', async () => {
  const rules = [allow('10.0.0.0/8'), allow('10.0.0.1/8'), allow('::ffff:10.0.0.1'), allow('fe80::1%eth0'), allow(7)];
  const { status, error } = await write(ruleSet(rules));
  expect([status, error.code]).toEqual([400, 'InvalidRequestContent']);
  expect(error.details.map(({ target }) => target)).toEqual(
    [1, 2, 3, 4].map((at) => `properties.networkRuleSet.ipRules.${at}.value`),
  );
  expect(error.message).toContain(
    'properties.networkRuleSet.ipRules.1.value has bits set behind its prefix; write 10.0.0.0/8',
  );
  expect(error.message).toContain('ipRules.2.value must not have IPv4 in IPv6');
});

test.each([
  ['an action', ruleSet([{ action: 'Deny', value: '10.0.0.1' }])],
  ['no value', ruleSet([{ action: 'Allow' }])],
  ['a scope', ruleSet([{ value: '10.0.0.1', scope: ['read'] }])],
  ['no scope', ruleSet([{ value: '10.0.0.1', scope: [] }])],
  ['a default action', ruleSet([], { defaultAction: 'Block' })],
  ['no list', ruleSet({ 0: allow('10.0.0.1') })],
  ['an access', { publicNetworkAccess: 'SecuredByPerimeter' }],
  ['a bypass', { networkRuleBypassOptions: 'Everybody' }],
  ['an identity', { trustedIdentities: ['ada'] }],
  ['a word for a boolean', { dataEndpointEnabled: 'yes' }],
])('%s that there is not is refused', async (_, properties) => {
  expect(await write(properties)).toMatchObject({ status: 400, error: { code: 'InvalidRequestContent' } });
});

test('networks of Azure mean nothing here, and are refused in so many words', async () => {
  const virtualNetworkRules = [{ id: '/subscriptions/x/subnets/y', action: 'Allow' }];
  const { status, error } = await write(ruleSet([], { virtualNetworkRules }));
  expect(status).toBe(400);
  expect(error.message).toContain('properties.networkRuleSet.virtualNetworkRules');
});

test('ten thousand rules are kept and shown as they were written; one more is refused', async () => {
  const ipv6 = (at: number) => `2001:db8:${(at >> 8).toString(16)}:${(at & 255).toString(16)}::/64`;
  const rules = Array.from({ length: 10_000 }, (_, at) => allow(at % 2 ? ipv6(at) : `10.${at >> 8}.${at & 255}.0/24`));
  const { status, properties } = await write({ publicNetworkAccess: 'Enabled', ...ruleSet(rules) });
  expect(status).toBe(200);
  expect(properties.networkRuleSet.ipRules).toEqual(rules);
  const more = await write(ruleSet([...rules, allow('192.0.2.1')]));
  expect(more.status).toBe(400);
  expect(more.error.message).toContain('properties.networkRuleSet.ipRules must have at most 10000 entries');
  // What is left as it is need not be sent again.
  expect((await write({ adminUserEnabled: false })).properties.networkRuleSet.ipRules).toHaveLength(10_000);
  const large = await write(ruleSet(rules.map((rule) => ({ ...rule, note: 'x'.repeat(200) }))));
  expect(large.status).toBe(413);
  await write(ruleSet([]));
});

test('a registry that exports nothing is closed to the public, and stays so', async () => {
  const policies = (status: string) => ({ policies: { exportPolicy: { status } } });
  const refused = await write(policies('disabled'));
  expect(refused).toMatchObject({ status: 400 });
  expect(refused.error.message).toContain(
    'properties.publicNetworkAccess must be Disabled while policies.exportPolicy.status',
  );
  expect((await write({ ...policies('disabled'), publicNetworkAccess: 'Disabled' })).status).toBe(200);
  expect((await write({ publicNetworkAccess: 'Enabled' })).status).toBe(400);
  expect((await write({ ...policies('enabled'), publicNetworkAccess: 'Enabled' })).status).toBe(200);
});

test('only what is disabled keeps others from importing', () => {
  expect(mayExport({})).toBe(true);
  expect(mayExport({ policies: {} })).toBe(true);
  for (const status of ['enabled', 'Enabled']) expect(mayExport({ policies: { exportPolicy: { status } } })).toBe(true);
  for (const status of ['disabled', 'Disabled'])
    expect(mayExport({ policies: { exportPolicy: { status } } })).toBe(false);
});
