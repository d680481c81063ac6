import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { openCommands } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
beforeAll(async () => {
  rig = await openCommands({ settings: { domain: 'example.com', publicUrl: 'https://registry.example.com' } });
});
afterAll(() => rig[Symbol.asyncDispose]());

const shown = (query: string) => rig.ok('acr', 'show', '--query', query);

describe('network rules', () => {
  const all = ['pull', 'push', 'manage'];

  test('are added, take the place of those for the same range, are listed and removed', async () => {
    expect(await rig.ok('acr', 'network-rule', 'list')).toEqual([]);
    await rig.ok('acr', 'network-rule', 'add', '--ip-address', '203.0.113.0/24', '2001:db8::/32');
    const again = ['add', '--ip-address', '2001:0DB8::/32', '198.51.100.7', '--scope', 'pull', 'push'];
    const listed = [
      { action: 'Allow', value: '203.0.113.0/24', scope: all },
      { action: 'Allow', value: '2001:0DB8::/32', scope: ['pull', 'push'] },
      { action: 'Allow', value: '198.51.100.7', scope: ['pull', 'push'] },
    ];
    expect(await rig.ok('acr', 'network-rule', ...again)).toEqual(listed);
    expect(await rig.ok('acr', 'network-rule', 'list', '--name', 'default')).toEqual(listed);
    const { out } = await rig.run(['acr', 'network-rule', 'list', '-o', 'tsv']);
    expect(out.split('\n')[1]).toBe('Allow\t2001:0DB8::/32\tpull, push');
    await rig.ok('acr', 'network-rule', 'remove', '--ip-address', '2001:db8::/32', '198.51.100.7/32');
    expect(await rig.ok('acr', 'network-rule', 'list')).toEqual(listed.slice(0, 1));
    expect(await rig.refused('acr', 'network-rule', 'remove', '--ip-address', '192.0.2.1')).toEqual([
      1,
      'bonded: there is no network rule for 192.0.2.1; bonded acr network-rule list shows what there is\n',
    ]);
  });

  test('that could be read in two ways are refused before anything is asked', async () => {
    expect(await rig.refused('acr', 'network-rule', 'add', '--ip-address', '10.0.0.1/8')).toEqual([
      2,
      'bonded: --ip-address: "10.0.0.1/8" has bits set behind its prefix; write 10.0.0.0/8, or the address alone\n',
    ]);
    expect((await rig.refused('acr', 'network-rule', 'add'))[0]).toBe(2);
    const [code, message] = await rig.refused(
      'acr',
      'network-rule',
      'add',
      '--ip-address',
      '10.0.0.1',
      '--scope',
      'read',
    );
    expect([code, message]).toEqual([1, expect.stringContaining('must be one of pull, push, manage')]);
  });
});

test('a registry is closed and opened by acr update, and keeps the rest', async () => {
  const seen =
    '[publicNetworkAccess, networkRuleSet.defaultAction, networkRuleBypassOptions, dataEndpointEnabled, policies.exportPolicy.status]';
  await rig.ok('acr', 'update', '-n', 'default', '--default-action', 'Deny', '--data-endpoint-enabled');
  expect(await shown(seen)).toEqual(['Enabled', 'Deny', 'AzureServices', true, 'enabled']);
  expect(await shown('length(networkRuleSet.ipRules)')).toBe(1);
  const closing = [
    '--public-network-enabled',
    'false',
    '--allow-exports',
    'false',
    '--allow-trusted-services',
    'false',
  ];
  await rig.ok('acr', 'update', '-n', 'default', ...closing);
  expect(await shown(seen)).toEqual(['Disabled', 'Deny', 'None', true, 'disabled']);
  const [code, message] = await rig.refused('acr', 'update', '-n', 'default', '--public-network-enabled');
  expect([code, message]).toEqual([
    1,
    expect.stringContaining('must be Disabled while policies.exportPolicy.status is disabled'),
  ]);
  const opening = ['--public-network-enabled', 'true', '--allow-exports', 'true', '--default-action', 'Allow'];
  await rig.ok('acr', 'update', '-n', 'default', ...opening);
  expect(await shown(seen)).toEqual(['Enabled', 'Allow', 'None', true, 'enabled']);
  const identity = (await rig.ok('identity', 'create', '--name', 'builder')) as { principalId: string };
  await rig.ok('acr', 'update', '-n', 'default', '--trusted-identities', identity.principalId);
  expect(await shown('trustedIdentities')).toEqual([identity.principalId]);
  await rig.ok('acr', 'update', '-n', 'default', '--trusted-identities', '');
  expect(await shown('trustedIdentities')).toEqual([]);
});

test('the hosts of a registry are shown as az does', async () => {
  expect(await rig.ok('acr', 'show-endpoints')).toEqual({
    loginServer: 'registry.example.com',
    dataEndpoints: [{ region: 'local', endpoint: 'default.local.data.example.com' }],
    regionalEndpoints: [],
  });
  await rig.ok('acr', 'update', '-n', 'default', '--data-endpoint-enabled', 'false');
  expect(await rig.ok('acr', 'show-endpoints', '--query', 'dataEndpoints')).toEqual([]);
});

test('a private endpoint connection is made, decided about, and deleted; the other name does the same', async () => {
  const status = 'privateLinkServiceConnectionState.status';
  const one = ['--name', 'partner'];
  expect((await rig.refused('acr', 'private-endpoint', 'create', ...one))[0]).toBe(2);
  const made = ['create', ...one, '--link-id', 'vpce-08d2bf15fac5001c9', '--query', status];
  expect(await rig.ok('acr', 'private-endpoint-connection', ...made)).toBe('Pending');
  expect(await rig.ok('acr', 'private-endpoint', 'approve', ...one, '--description', 'agreed', '--query', status)).toBe(
    'Approved',
  );
  const { out } = await rig.run(['acr', 'private-endpoint', 'list', '-o', 'tsv']);
  expect(out).toBe('partner\tApproved\tlink vpce-08d2bf15fac5001c9\tagreed\n');
  expect(await rig.ok('acr', 'private-endpoint', 'reject', ...one, '-r', 'default', '--query', status)).toBe(
    'Rejected',
  );
  expect(await rig.ok('acr', 'private-endpoint', 'show', ...one, '--query', 'linkId')).toBe('vpce-08d2bf15fac5001c9');
  const zones = await rig.run([
    'acr',
    'private-endpoint',
    'dns',
    ...one,
    '--ip-address',
    '10.1.2.3',
    '2001:db8::3',
    '-o',
    'table',
  ]);
  expect(zones.out).toBe(`$ORIGIN example.com.
registry 300 IN CNAME registry.privatelink.example.com.
default.local.data 300 IN CNAME default.local.data.privatelink.example.com.

$ORIGIN privatelink.example.com.
registry 300 IN A 10.1.2.3
registry 300 IN AAAA 2001:db8::3
default.local.data 300 IN A 10.1.2.3
default.local.data 300 IN AAAA 2001:db8::3
`);
  const json = await rig.ok(
    'acr',
    'private-endpoint',
    'dns',
    ...one,
    '--ip-address',
    '10.1.2.3',
    '--query',
    'zones[].zone',
  );
  expect(json).toEqual(['example.com', 'privatelink.example.com']);
  expect((await rig.refused('acr', 'private-endpoint', 'delete', ...one))[0]).toBe(2);
  await rig.ok('acr', 'private-endpoint', 'delete', ...one, '--yes');
  expect(await rig.ok('acr', 'private-endpoint', 'list')).toEqual([]);
  for (const verb of [['show'], ['delete', '--yes']]) {
    const [code, message] = await rig.refused('acr', 'private-endpoint', ...verb, ...one);
    expect([code, message]).toEqual([3, expect.stringContaining('there is no private endpoint connection ')]);
    expect(message).toContain('bonded acr private-endpoint-connection list --registry default shows what there is');
  }
});
