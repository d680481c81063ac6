import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { inDirectory } from '../../test/support/command.ts';
import { registry } from '../../test/support/management.ts';
import { startTestApp, type TestServer } from '../../test/support/server.ts';

/* Private endpoint connections as resources (acr §4.3). */

const config = {
  domain: 'example.com',
  registries: [{ name: 'teama', hosts: ['images.acme.test'] }],
  network: {
    region: 'north',
    listeners: [
      { name: 'here', listen: '127.0.0.1:0' },
      { name: 'sixth', listen: '[::1]:0' },
      { name: 'anywhere', listen: '0.0.0.0:0' },
    ],
  },
};

let server: TestServer;
beforeAll(async () => {
  server = await inDirectory(async (directory) => {
    const file = join(directory, 'bonded.json');
    await writeFile(file, JSON.stringify(config));
    return startTestApp({ file });
  });
});
afterAll(() => server[Symbol.asyncDispose]());

async function call(method: string, path: string, body?: unknown, on = registry) {
  const answer = await fetch(`${server.url}${on}${path}?api-version=2025-11-01`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  });
  const text = await answer.text();
  return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as never as Body };
}

interface Body {
  name: string;
  properties: Record<string, never>;
  error: { code: string; message: string };
  value: { name: string; properties: object }[];
  zones: { zone: string; records: { name: string; type: string; value: string }[] }[];
}

const put = (name: string, properties: object, on?: string) =>
  call('PUT', `/privateEndpointConnections/${name}`, { properties }, on);
const state = (status: string) => ({ privateLinkServiceConnectionState: { status } });

test('a connection is made, approved as az does it, shown with its registry, and deleted', async () => {
  const made = await put('one', { listener: 'here', privateEndpoint: { id: '/subscriptions/x/privateEndpoints/one' } });
  expect(made.status).toBe(201);
  expect(made.body.properties).toMatchObject({
    provisioningState: 'Succeeded',
    groupIds: ['registry'],
    privateLinkServiceConnectionState: { status: 'Pending', description: '', actionsRequired: 'None' },
  });
  // The SDK sends what it knows: how the connection is identified stays.
  const approved = await put('one', {
    privateLinkServiceConnectionState: { status: 'Approved', description: 'by the network team' },
  });
  expect(approved.status).toBe(200);
  expect(approved.body.properties).toMatchObject({
    listener: 'here',
    privateEndpoint: { id: '/subscriptions/x/privateEndpoints/one' },
    privateLinkServiceConnectionState: { status: 'Approved', description: 'by the network team' },
  });
  const shown = await call('GET', '');
  expect(shown.body.properties['privateEndpointConnections']).toMatchObject([
    { name: 'one', properties: { privateLinkServiceConnectionState: { status: 'Approved' } } },
  ]);
  expect((await call('GET', '/privateEndpointConnections')).body.value).toHaveLength(1);
  expect((await call('DELETE', '/privateEndpointConnections/one')).status).toBe(200);
  expect((await call('GET', '/privateEndpointConnections/one')).status).toBe(404);
  expect((await call('GET', '')).body.properties['privateEndpointConnections']).toEqual([] as never);
});

test('it is known by a listener or a link, by one of them, which stays', async () => {
  for (const properties of [{}, { listener: 'here', linkId: 'vpce-1' }, { listener: 'a b' }, { linkId: 'x,y' }]) {
    expect((await put('wrong', properties)).status).toBe(400);
  }
  expect((await put('two', { linkId: 'vpce-2' })).status).toBe(201);
  const changed = await put('two', { linkId: 'vpce-3' });
  expect(changed).toMatchObject({ status: 409, body: { error: { code: 'PropertyChangeNotAllowed' } } });
  expect((await put('two', { listener: 'here' })).status).toBe(409);
  expect((await put('two', state('Sleeping'))).status).toBe(400);
  await call('DELETE', '/privateEndpointConnections/two');
});

test('one way leads to one connection of a registry, and may lead to one of each', async () => {
  expect((await put('first', { listener: 'here' })).status).toBe(201);
  const again = await put('again', { listener: 'here' });
  expect(again.status).toBe(409);
  expect(again.body.error.message).toContain('the private endpoint connection first has this listener or link');
  expect((await put('link', { linkId: 'here' })).status).toBe(201);
  const other = registry.replace(/default$/, 'teama');
  expect((await put('first', { listener: 'here' }, other)).status).toBe(201);
  for (const name of ['first', 'link']) await call('DELETE', `/privateEndpointConnections/${name}`);
  await call('DELETE', '/privateEndpointConnections/first', undefined, other);
});

test('what was rejected may be approved, what was disconnected is over', async () => {
  await put('turns', { linkId: 'vpce-9', ...state('Rejected') });
  expect((await put('turns', state('Approved'))).status).toBe(200);
  expect((await put('turns', state('Disconnected'))).status).toBe(200);
  expect((await put('turns', state('Approved'))).status).toBe(409);
  expect((await put('turns', state('Disconnected'))).status).toBe(200);
  expect((await call('DELETE', '/privateEndpointConnections/turns')).status).toBe(200);
});

test('what a private endpoint leads to is listed, and written by nobody', async () => {
  const listed = await call('GET', '/privateLinkResources');
  expect(listed.body.value).toMatchObject([
    {
      name: 'registry',
      properties: {
        groupId: 'registry',
        requiredMembers: ['registry', 'registry_data_north'],
        requiredZoneNames: ['privatelink.example.com'],
      },
    },
  ]);
  expect((await call('GET', '/privateLinkResources/registry')).body.properties).toMatchObject({ groupId: 'registry' });
  expect((await call('GET', '/privateLinkResources/other')).status).toBe(404);
  expect((await call('PUT', '/privateLinkResources/registry', {})).status).toBe(405);
});

test('the records for the private network are those of the names, with its addresses', async () => {
  const teama = registry.replace(/default$/, 'teama');
  await put('link', { linkId: 'vpce-4' }, teama);
  const dns = (name: string, body: object, on = teama) =>
    call('POST', `/privateEndpointConnections/${name}/listDnsRecords`, body, on);
  const given = await dns('link', { ipAddresses: ['10.1.2.3', '2001:db8::3'] });
  expect(given.body.zones).toEqual([
    {
      zone: 'example.com',
      records: [
        { name: 'teama', type: 'CNAME', ttl: 300, value: 'teama.privatelink.example.com.' },
        { name: 'teama.north.data', type: 'CNAME', ttl: 300, value: 'teama.north.data.privatelink.example.com.' },
      ],
    },
    {
      zone: 'privatelink.example.com',
      records: [
        { name: 'teama', type: 'A', ttl: 300, value: '10.1.2.3' },
        { name: 'teama', type: 'AAAA', ttl: 300, value: '2001:db8::3' },
        { name: 'teama.north.data', type: 'A', ttl: 300, value: '10.1.2.3' },
        { name: 'teama.north.data', type: 'AAAA', ttl: 300, value: '2001:db8::3' },
      ],
    },
  ] as never);
  expect(await dns('link', {})).toMatchObject({ status: 400 });
  expect(await dns('link', { ipAddresses: ['10.1.2'] })).toMatchObject({ status: 400 });
  await put('six', { listener: 'sixth' }, teama);
  expect((await dns('six', {})).body.zones[1]!.records[0]).toMatchObject({ type: 'AAAA', value: '::1' });
  // One that listens everywhere says nothing of where clients find it.
  await put('any', { listener: 'anywhere' }, teama);
  expect((await dns('any', {})).status).toBe(400);
  // A name that no zone can have.
  await put('here', { listener: 'here' });
  const local = await dns('here', {}, registry);
  expect(local).toMatchObject({ status: 409 });
  expect(local.body.error.message).toContain('set domain or publicUrl first');
});
