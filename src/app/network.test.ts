import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { portOf, requestText, sendRaw } from '../../test/http/raw.ts';
import { errorOf, pushImage } from '../../test/http/registry.ts';
import { authorizationFor } from '../../test/support/credentials.ts';
import { basic, bearer, makePassword, registryScope } from '../../test/support/people.ts';
import { type NetworkRig, paths, startNetworkRig } from './network-rig.double.ts';

/* Who gets into a registry by the public way. */

const inside = '192.0.2.9';
const outside = '198.51.100.1';
const open = { publicNetworkAccess: 'Enabled', networkRuleSet: { defaultAction: 'Allow' }, trustedIdentities: [] };
const manifest = '/v2/app/manifests/latest';
const showRegistry = `${registryScope}?api-version=2025-11-01`;

let rig: NetworkRig;
let trusted: string;
beforeAll(async () => {
  rig = await startNetworkRig();
  await pushImage(rig.url, 'app', 'latest');
  trusted = await rig.people.identity('trusted');
  for (const id of [trusted, await rig.people.identity('reader')]) await rig.people.assign('Owner', id);
  await rig.people.token('robot', ['repositories/app/content/read']);
  for (const id of [trusted]) await rig.people.assign('Container Registry Repository Contributor', id);
});
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(() => rig.people.registry({ ...open, networkRuleBypassOptions: 'AzureServices' }));

const denyBut = (...ipRules: { value: string; scope?: string[] }[]) =>
  rig.people.registry({ networkRuleSet: { defaultAction: 'Deny', ipRules } });
const as = async (subject: string) => bearer(await rig.people.jwt(subject));

test('whom no rule allows is refused on every path, in words that name the address, and it is recorded', async () => {
  await denyBut({ value: '192.0.2.0/24' });
  const before = rig.audit().length;
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'HEAD']) {
      const answer = await rig.from(outside, path, { method, headers: { Authorization: await as('trusted') } });
      expect([method, path, answer.status]).toEqual([method, path, 403]);
    }
  }
  const error = await errorOf(await rig.from(outside, manifest));
  expect(error).toMatchObject({ code: 'DENIED', detail: { reason: 'network' } });
  expect(error.message).toStartWith(`client with IP '${outside}' is not allowed access`);
  expect(error.message).toContain(`bonded acr network-rule add --name default --ip-address ${outside}`);
  const records = rig.audit(before);
  expect(records).toHaveLength(paths.length * 5 + 1);
  for (const record of records)
    expect(record).toMatchObject({ outcome: 'denied', reason: 'network', address: outside });
});

test('whom a rule allows gets as far as before', async () => {
  await denyBut({ value: '192.0.2.0/24' }, { value: '2001:db8::/32' });
  for (const address of [inside, '2001:db8::7', '2001:DB8:0::7', '::ffff:192.0.2.9', '::ffff:c000:209']) {
    expect((await rig.from(address, '/v2/')).status).toBe(401);
    const answer = await rig.from(address, manifest, { headers: { Authorization: await as('trusted') } });
    expect([address, answer.status]).toEqual([address, 200]);
  }
  for (const address of ['2001:db9::7', '::ffff:198.51.100.1', '::192.0.2.9', '64:ff9b::192.0.2.9']) {
    expect([address, (await rig.from(address, '/v2/')).status]).toEqual([address, 403]);
  }
});

test('a rule of a scope allows that alone; who may push may ask what is there', async () => {
  await denyBut(
    { value: '192.0.2.1', scope: ['pull'] },
    { value: '192.0.2.2', scope: ['push'] },
    { value: '192.0.2.3', scope: ['manage'] },
    { value: '192.0.2.4', scope: ['pull', 'push'] },
  );
  const authorization = await as('trusted');
  const refused = async (address: string) => {
    const requests: Record<string, [path: string, method: string]> = {
      base: ['/v2/', 'GET'],
      token: ['/oauth2/token', 'GET'],
      get: [manifest, 'GET'],
      list: ['/v2/app/tags/list', 'GET'],
      attributes: ['/acr/v1/app', 'GET'],
      head: [manifest, 'HEAD'],
      start: ['/v2/app/blobs/uploads/', 'POST'],
      progress: ['/v2/app/blobs/uploads/none', 'GET'],
      delete: ['/v2/app/manifests/none', 'DELETE'],
      detach: ['/acr/v1/app/_tags/none', 'DELETE'],
      manage: [showRegistry, 'GET'],
    };
    const names: string[] = [];
    for (const [name, [path, method]] of Object.entries(requests)) {
      const answer = await rig.from(address, path, { method, headers: { Authorization: authorization } });
      if (answer.status === 403) names.push(name);
    }
    return names.join(' ');
  };
  expect(await refused('192.0.2.1')).toBe('start progress delete detach manage');
  expect(await refused('192.0.2.2')).toBe('get list attributes manage');
  expect(await refused('192.0.2.3')).toBe('get list attributes head start progress delete detach');
  expect(await refused('192.0.2.4')).toBe('manage');
  const error = await errorOf(await rig.from('192.0.2.1', '/v2/app/blobs/uploads/', { method: 'POST' }));
  expect(error.message).toContain(
    'is not allowed access to push: the network rules of the registry default let it pull',
  );
});

test('access that is disabled overrides every rule', async () => {
  await denyBut({ value: '192.0.2.0/24' });
  await rig.people.registry({ publicNetworkAccess: 'Disabled' });
  for (const path of paths) expect([path, (await rig.from(inside, path)).status]).toEqual([path, 403]);
  await rig.people.registry({ networkRuleSet: { defaultAction: 'Allow' } });
  const error = await errorOf(await rig.from(inside, '/v2/'));
  expect(error.message).toContain('public network access of the registry default is disabled');
});

test('a trusted identity gets in from anywhere, by its tokens too; nobody else does', async () => {
  await rig.people.registry({ publicNetworkAccess: 'Disabled', trustedIdentities: [trusted] });
  // It has to be able to say who it is.
  expect((await rig.from(outside, '/v2/')).status).toBe(401);
  const login = async (subject: string) => {
    const body = new URLSearchParams({ grant_type: 'access_token', access_token: await rig.people.jwt(subject) });
    return rig.from(outside, '/oauth2/exchange', { method: 'POST', body });
  };
  const exchanged = await login('trusted');
  const { refresh_token: token } = (await exchanged.json()) as { refresh_token: string };
  const form = { grant_type: 'refresh_token', refresh_token: token, scope: 'repository:app:pull' };
  const granted = await rig.from(outside, '/oauth2/token', { method: 'POST', body: new URLSearchParams(form) });
  const { access_token: access } = (await granted.json()) as { access_token: string };
  for (const authorization of [bearer(access), await as('trusted')]) {
    expect((await rig.from(outside, manifest, { headers: { Authorization: authorization } })).status).toBe(200);
  }
  expect((await rig.from(outside, showRegistry, { headers: { Authorization: await as('trusted') } })).status).toBe(200);

  expect((await login('reader')).status).toBe(403);
  const password = await makePassword(rig.app, { kind: 'token', name: 'robot' });
  for (const authorization of [await as('reader'), basic('robot', password.value), authorizationFor(rig.url)!]) {
    for (const path of [manifest, '/v2/', '/acr/v1/app', '/oauth2/token', showRegistry]) {
      const answer = await rig.from(outside, path, { headers: { Authorization: authorization } });
      // Who has grants in place of roles is told that first.
      expect([path, answer.status]).toEqual([path, 403]);
    }
  }
  // Where it is asked of nobody who they are, nobody gets anything.
  for (const path of ['/oauth2/keys', '/.well-known/openid-configuration', '/nothing', '/']) {
    const answer = await rig.from(outside, path, { headers: { Authorization: await as('trusted') } });
    expect([path, answer.status]).toEqual([path, 403]);
  }
  await rig.people.registry({ networkRuleBypassOptions: 'None' });
  expect((await rig.from(outside, manifest, { headers: { Authorization: await as('trusted') } })).status).toBe(403);
  expect((await rig.from(outside, '/v2/')).status).toBe(403);
});

test('everybody who may pull without credentials may do so from where the rules allow it alone', async () => {
  await denyBut({ value: inside });
  await rig.people.registry({ anonymousPullEnabled: true, trustedIdentities: [trusted] });
  expect((await rig.from(inside, manifest)).status).toBe(200);
  expect((await rig.from(outside, manifest)).status).toBe(403);
  await rig.people.registry({ anonymousPullEnabled: false });
});

test('the operator manages from the machine itself however closed it is, and from nowhere else', async () => {
  await rig.people.registry({ publicNetworkAccess: 'Disabled' });
  const answer = await fetch(`${rig.url}${showRegistry}`);
  expect(answer.status).toBe(200);
  // What says that it was passed on does not come from here, whatever address it names.
  for (const headers of [
    { 'X-Forwarded-For': '127.0.0.1' },
    { 'X-Forwarded-For': '::1' },
    { Forwarded: 'for=127.0.0.1' },
    { 'X-Real-IP': '127.0.0.1' },
    { Via: '1.1 proxy' },
  ]) {
    expect((await fetch(`${rig.url}${showRegistry}`, { headers })).status).toBe(403);
  }
  expect((await fetch(`${rig.url}${manifest}`)).status).toBe(403);
  expect((await fetch(`${rig.url}/v2/`)).status).toBe(403);
});

test('what a client invents of itself opens nothing: forwarding headers, links, a PROXY preface', async () => {
  await denyBut({ value: inside });
  await rig.connect('link', 'Approved', { linkId: 'vpce-1' });
  // Behind the proxy the first address is the client's invention, the last one is what the proxy saw.
  expect((await rig.from(`${inside}, ${outside}`, '/v2/')).status).toBe(403);
  expect((await rig.from(`${inside}, ::ffff:${outside}`, '/v2/')).status).toBe(403);
  expect(
    (await rig.from(outside, '/v2/', { headers: { 'X-Real-IP': inside, Forwarded: `for=${inside}` } })).status,
  ).toBe(403);
  for (const link of ['vpce-1,vpce-1', 'VPCE-1', 'vpce-1 ', 'vpce-2', '"vpce-1"', ' ']) {
    const answer = await rig.from(outside, '/v2/', { link });
    // A space around a value is no part of it (RFC 9110 §5.5).
    expect([link, answer.status]).toEqual([link, link.trim() === 'vpce-1' ? 401 : 403]);
  }
  const preface = `PROXY TCP4 ${inside} 127.0.0.1 40000 5000\r\n${requestText('GET', '/v2/')}`;
  expect((await sendRaw(portOf(rig.url), preface)).status).toBe(400);
  await rig.disconnect('link');
});

test('a server without trusted proxies believes no header at all', async () => {
  await using alone = await startNetworkRig({ settings: { trustedProxies: [] } });
  await alone.people.registry({ networkRuleSet: { defaultAction: 'Deny', ipRules: [{ value: inside }] } });
  await alone.connect('link', 'Approved', { linkId: 'vpce-1' });
  expect((await alone.from(inside, '/v2/')).status).toBe(403);
  expect((await alone.from(inside, '/v2/', { link: 'vpce-1' })).status).toBe(403);
  const error = await errorOf(await alone.from(inside, '/v2/', { link: 'vpce-1' }));
  expect(error.message).toStartWith(`client with IP '127.0.0.1'`);
});
