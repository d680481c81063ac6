import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf, pushBlob, pushImage, randomBytes } from '../../test/http/registry.ts';
import { bearer, registryScope } from '../../test/support/people.ts';
import { startTestApp } from '../../test/support/server.ts';
import { type NetworkRig, startNetworkRig } from './network-rig.double.ts';

/* Blobs from a host of their own (acr §4.2). */

const client = '10.20.30.40';
const bytes = randomBytes(100_000);

let now = Date.now();
let rig: NetworkRig;
let digest: string;
let trusted: string;
beforeAll(async () => {
  rig = await startNetworkRig({ now: () => now });
  digest = await pushBlob(rig.url, 'app', bytes);
  await pushBlob(rig.url, 'app', '');
  trusted = await rig.people.identity('ada');
  await rig.people.assign('Container Registry Repository Reader', trusted);
  await rig.connect('own', 'Approved', { listener: 'approved' });
});
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(() =>
  rig.people.registry({
    dataEndpointEnabled: true,
    publicNetworkAccess: 'Enabled',
    networkRuleSet: { defaultAction: 'Allow' },
    trustedIdentities: [],
  }),
);

const blobPath = (of = digest) => `/v2/app/blobs/${of}`;

async function ask(path = blobPath(), more: Parameters<NetworkRig['from']>[2] = {}, address = client) {
  const authorization = bearer(await rig.people.jwt('ada', {}, {}, now));
  return rig.from(address, path, { ...more, headers: { ...more.headers, Authorization: authorization } });
}

/** Where a client is sent for the blob. */
async function addressFor(more: Parameters<typeof ask>[1] = {}, address = client): Promise<string> {
  const answer = await ask(blobPath(), more, address);
  if (answer.status !== 307) throw new Error(`${answer.status}: ${await answer.text()}`);
  expect(answer.headers.get('docker-content-digest')).toBe(digest);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  return answer.headers.get('location')!;
}

/** What is read at an address, or at another path of its host; nothing is shown there. */
function read(
  address: string,
  { path, from = client, headers, ...more }: BunFetchRequestInit & { path?: string; from?: string; link?: string } = {},
) {
  const { host, pathname, port, search } = new URL(address);
  const url = `http://127.0.0.1:${port}`;
  return rig.from(from, path ?? `${pathname}${search}`, { url, ...more, headers: { ...headers, Host: host } });
}

test('a blob is read at the data endpoint, whole, in parts, and asked for by HEAD', async () => {
  const address = await addressFor();
  expect(address).toStartWith(`http://default.local.data.localhost:${new URL(rig.url).port}/blobs/${digest}?token=`);
  const whole = await read(address);
  expect(whole.status).toBe(200);
  expect(whole.headers.get('docker-content-digest')).toBe(digest);
  expect(Buffer.from(await whole.arrayBuffer()).equals(Buffer.from(bytes))).toBe(true);
  const part = await read(address, { headers: { Range: 'bytes=10-19' } });
  expect([part.status, part.headers.get('content-range')]).toEqual([206, 'bytes 10-19/100000']);
  expect(Buffer.from(await part.arrayBuffer()).equals(Buffer.from(bytes.slice(10, 20)))).toBe(true);
  expect((await read(address, { headers: { Range: 'bytes=100000-' } })).status).toBe(416);
  expect((await read(address, { headers: { 'If-None-Match': `"${digest}"` } })).status).toBe(304);
  const head = await read(address, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '100000']);
});

test('the login server goes on to answer HEAD, what is not there, and what is empty', async () => {
  expect((await ask(blobPath(), { method: 'HEAD' })).status).toBe(200);
  expect((await ask(blobPath(`sha256:${'0'.repeat(64)}`))).status).toBe(404);
  const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  expect((await ask(blobPath(empty))).status).toBe(200);
  await rig.people.registry({ dataEndpointEnabled: false });
  expect((await ask()).status).toBe(200);
});

test('the host serves nothing but what its addresses open', async () => {
  const address = await addressFor();
  const authorization = { Authorization: bearer(await rig.people.jwt('ada', {}, {}, now)) };
  const { pathname, search } = new URL(address);
  const others = [
    '/',
    '/v2/',
    blobPath(),
    `${blobPath()}${search}`,
    '/acr/v1/_catalog',
    '/oauth2/token',
    '/.well-known/openid-configuration',
    `${registryScope}?api-version=2025-11-01`,
    pathname,
    `${pathname}?token=x`,
    `${pathname}${search}&more=1`,
    `/blobs/sha256:${'0'.repeat(64)}${search}`,
    `${pathname}${search.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))}`,
  ];
  for (const path of others) {
    expect([path, (await read(address, { path, headers: authorization })).status]).toEqual([path, 403]);
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    expect([method, (await read(address, { method })).status]).toEqual([method, 405]);
  }
  const error = await errorOf(await read(address, { path: pathname }));
  expect(error.message).toContain('ask there for the blob again');
  // On the login server it is no path.
  expect((await rig.from(client, `${pathname}${search}`)).status).toBe(404);
});

test('an address is good for twenty minutes, by the way by which it was given, where there is an endpoint', async () => {
  const address = await addressFor();
  now += 19 * 60_000;
  expect((await read(address)).status).toBe(200);
  now += 2 * 60_000;
  expect((await read(address)).status).toBe(403);
  now = Date.now();

  const [open, own] = [await addressFor(), await addressFor({ url: rig.urls.approved })];
  const at = (address_: string, url: string) => {
    const { host, pathname, search } = new URL(address_);
    return rig.from(client, `${pathname}${search}`, { url, headers: { Host: host } });
  };
  expect(new URL(own).port).toBe(new URL(rig.urls.approved).port);
  expect((await at(own, rig.urls.approved)).status).toBe(200);
  expect((await at(open, rig.url)).status).toBe(200);
  expect((await at(own, rig.url)).status).toBe(403);
  expect((await at(open, rig.urls.approved)).status).toBe(403);
  await rig.connect('own', 'Rejected', { listener: 'approved' });
  expect((await at(own, rig.urls.approved)).status).toBe(403);
  await rig.connect('own', 'Approved', { listener: 'approved' });

  await rig.people.registry({ dataEndpointEnabled: false });
  expect((await read(open)).status).toBe(403);
});

test('the rules of the network hold there, but for whom they do not hold', async () => {
  const inside = { networkRuleSet: { defaultAction: 'Deny', ipRules: [{ value: '192.0.2.0/24', scope: ['pull'] }] } };
  await rig.people.registry(inside);
  const address = await addressFor({}, '192.0.2.1');
  expect((await read(address, { from: '192.0.2.2' })).status).toBe(200);
  const refused = await read(address, { from: client });
  expect(refused.status).toBe(403);
  expect((await errorOf(refused)).message).toStartWith(`client with IP '${client}' is not allowed access`);
  await rig.people.registry({ trustedIdentities: [trusted] });
  expect((await read(await addressFor())).status).toBe(200);
  // What was given to others is no better for it.
  expect((await read(address, { from: client })).status).toBe(403);
});

test('what was deleted since is gone, and comes not back with another repository of the name', async () => {
  await pushImage(rig.url, 'gone', 'latest');
  const other = randomBytes(50);
  const gone = await pushBlob(rig.url, 'gone', other);
  const answer = await ask(`/v2/gone/blobs/${gone}`);
  const address = answer.headers.get('location')!;
  expect((await read(address)).status).toBe(200);
  const deleted = await fetch(`${rig.url}/acr/v1/gone`, { method: 'DELETE' });
  expect(deleted.status).toBe(202);
  expect((await read(address)).status).toBe(404);
  await pushBlob(rig.url, 'gone', other);
  expect((await read(address)).status).toBe(404);
});

test('behind a proxy that speaks TLS, addresses are as clients reach it', async () => {
  await using server = await startTestApp({
    settings: {
      publicUrl: 'https://registry.example.com:8443',
      domain: 'example.com',
      'network.region': 'north',
      'network.dataHost': '{registry}-{region}.blobs.{domain}',
    },
  });
  await pushBlob(server.url, 'app', bytes);
  const registry = `${server.url}${registryScope}?api-version=2025-11-01`;
  const shown = await fetch(registry, {
    method: 'PATCH',
    body: JSON.stringify({ properties: { dataEndpointEnabled: true } }),
    headers: { 'Content-Type': 'application/json' },
  });
  expect(((await shown.json()) as { properties: object }).properties).toMatchObject({
    dataEndpointHostNames: ['default-north.blobs.example.com'],
  });
  const answer = await fetch(`${server.url}${blobPath()}`, { redirect: 'manual' });
  const address = answer.headers.get('location')!;
  expect(address).toStartWith('https://default-north.blobs.example.com:8443/blobs/sha256:');
  const { host, pathname, search } = new URL(address);
  const got = await fetch(`${server.url}${pathname}${search}`, { headers: { Host: host }, anonymous: true });
  expect(got.status).toBe(200);
});

test('nobody is sent there for a blob that no image has which is let out', async () => {
  const policy = `${registryScope}/admissionPolicies/strict`;
  await rig.people.put(policy, { repositories: ['app'], mode: 'enforce', unscanned: 'allow', blobs: 'admitted' });
  const refused = await ask();
  expect([refused.status, refused.headers.get('location')]).toEqual([403, null]);
  const { layerDigest } = await pushImage(rig.url, 'app', 'admitted');
  const sent = await ask(blobPath(layerDigest));
  expect(sent.status).toBe(307);
  const whole = await read(sent.headers.get('location')!);
  expect([whole.status, whole.headers.get('cache-control')]).toEqual([200, 'private, no-store']);
  await rig.people.remove(policy);
  expect((await ask()).status).toBe(307);
});
