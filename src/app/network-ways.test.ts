import { afterAll, beforeAll, expect, test } from 'bun:test';
import { errorOf, pushImage } from '../../test/http/registry.ts';
import { accessToken, claimsOf, exchange, getToken, postToken, refreshToken } from '../../test/http/tokens.ts';
import { basic, bearer, nullUser, registryScope } from '../../test/support/people.ts';
import { groupScope } from '../operations/index.ts';
import { type NetworkRig, paths, startNetworkRig } from './network-rig.double.ts';

/* Private endpoints: ways into a registry beside the public one, and tokens that are good by one of them. */

const manifest = '/v2/app/manifests/latest';
const client = '10.20.30.40';

let rig: NetworkRig;
beforeAll(async () => {
  rig = await startNetworkRig();
  await pushImage(rig.url, 'app', 'latest');
  const reader = 'Container Registry Repository Reader';
  await rig.people.assign('Owner', await rig.people.identity('ada'));
  for (const name of ['ada', 'bob']) await rig.people.assign(reader, await rig.people.identity(name));
  await rig.connect('first', 'Approved', { listener: 'approved' });
  await rig.connect('second', 'Rejected', { listener: 'rejected' });
  await rig.connect('aws', 'Approved', { linkId: 'vpce-08d2bf15fac5001c9' });
});
afterAll(() => rig[Symbol.asyncDispose]());

const get = (url: string, path: string, authorization: string, more: { link?: string } = {}) =>
  rig.from(client, path, { url, headers: { Authorization: authorization }, ...more });
const ada = async () => bearer(await rig.people.jwt('ada'));

test.each(['Pending', 'Rejected', 'Disconnected', 'none'])('by a way that is %s, every path is 403', async (status) => {
  if (status === 'none') await rig.disconnect('second');
  else await rig.connect('second', status, { listener: 'rejected' });
  await rig.people.registry({ trustedIdentities: [await rig.people.identity('ada')] });
  const before = rig.audit().length;
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const answer = await rig.from(client, path, {
        method,
        url: rig.urls.rejected,
        headers: { Authorization: await ada() },
      });
      expect([method, path, answer.status]).toEqual([method, path, 403]);
    }
  }
  const records = rig.audit(before);
  expect(records).toHaveLength(paths.length * 3);
  expect(records[0]).toMatchObject({ reason: 'network', way: 'listener:rejected', address: client });
  const { message } = await errorOf(await rig.from(client, '/v2/', { url: rig.urls.rejected }));
  expect(message).toContain(
    status === 'none'
      ? 'no private endpoint connection of the registry default leads to it'
      : `second of the registry default is ${status}`,
  );
  // The operator of the machine is no exception by such a way: nothing says that it comes from there.
  expect((await get(rig.urls.rejected, `${registryScope}?api-version=2025-11-01`, await ada())).status).toBe(403);
});

test('a private endpoint that is approved leads in, also where the public way is closed', async () => {
  await rig.people.registry({ publicNetworkAccess: 'Disabled', trustedIdentities: [] });
  for (const [url, link] of [
    [rig.urls.approved, undefined],
    [rig.url, 'vpce-08d2bf15fac5001c9'],
  ] as const) {
    const more = link === undefined ? {} : { link };
    expect((await get(url, manifest, await ada(), more)).status).toBe(200);
    expect((await get(url, `${registryScope}?api-version=2025-11-01`, await ada(), more)).status).toBe(200);
  }
  expect((await get(rig.url, manifest, await ada(), { link: 'vpce-other' })).status).toBe(403);
  expect((await get(rig.url, manifest, await ada())).status).toBe(403);
  await rig.people.registry({ publicNetworkAccess: 'Enabled' });
});

test('what an owner decides counts at once, for tokens that were given before, too', async () => {
  const refresh = await refreshToken(rig.urls.approved, await rig.people.jwt('bob'));
  const access = bearer(await accessToken(rig.urls.approved, basic(nullUser, refresh), ['repository:app:pull']));
  expect((await get(rig.urls.approved, manifest, access)).status).toBe(200);
  await rig.connect('first', 'Rejected', { listener: 'approved' });
  expect((await get(rig.urls.approved, manifest, access)).status).toBe(403);
  expect((await postToken(rig.urls.approved, { grant_type: 'refresh_token', refresh_token: refresh })).status).toBe(
    403,
  );
  await rig.connect('first', 'Approved', { listener: 'approved' });
  expect((await get(rig.urls.approved, manifest, access)).status).toBe(200);
});

test('a token that was given by one way opens no other, neither to read nor to get another one', async () => {
  const scope = ['repository:app:pull'];
  const link = 'vpce-08d2bf15fac5001c9';
  const given = async (url: string) => {
    const refresh = await refreshToken(url, await rig.people.jwt('bob'));
    return { refresh, access: await accessToken(url, basic(nullUser, refresh), scope) };
  };
  const open = await given(rig.url);
  const own = await given(rig.urls.approved);
  const body = new URLSearchParams({ grant_type: 'access_token', access_token: await rig.people.jwt('bob') });
  const exchanged = await rig.from(client, '/oauth2/exchange', { method: 'POST', body, link });
  const { refresh_token: linked } = (await exchanged.json()) as { refresh_token: string };
  expect(claimsOf(open.access)['way']).toBeUndefined();
  expect([claimsOf(own.refresh), claimsOf(own.access)].map(({ way }) => way)).toEqual(
    Array(2).fill('listener:approved'),
  );
  expect(claimsOf(linked)['way']).toBe(`link:${link}`);

  const host = new URL(rig.url).host;
  for (const [token, ways] of [
    [open.access, [200, 401, 401]],
    [open.refresh, [200, 401, 401]],
    [own.access, [401, 200, 401]],
    [own.refresh, [401, 200, 401]],
    [linked, [401, 401, 200]],
  ] as const) {
    const shown = token === open.access || token === own.access ? bearer(token) : basic(nullUser, token);
    const headers = { Authorization: shown, Host: host };
    // Asked again and again, so that nobody who was remembered by one way is known by another.
    for (let times = 0; times < 2; times++) {
      const answers = [
        await rig.from(client, manifest, { headers }),
        await rig.from(client, manifest, { headers, url: rig.urls.approved }),
        await rig.from(client, manifest, { headers, link }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([...ways]);
    }
  }
  for (const token of [own.refresh, linked]) {
    expect((await postToken(rig.url, { grant_type: 'refresh_token', refresh_token: token, scope })).status).toBe(401);
    expect((await getToken(rig.url, basic(nullUser, token), scope)).status).toBe(401);
    expect((await exchange(rig.url, token)).status).toBe(401);
  }
  const { message } = await errorOf(await get(rig.url, manifest, bearer(own.access)));
  expect(message).toContain('given by another way into the registry; log in again');
});

test('owners manage by a listener of theirs whatever is closed, and do nothing else by it', async () => {
  await rig.people.registry({ publicNetworkAccess: 'Disabled', trustedIdentities: [] });
  const { owners } = rig.urls;
  const show = `${registryScope}?api-version=2025-11-01`;
  expect((await get(owners, show, await ada())).status).toBe(200);
  const refresh = await refreshToken(owners, await rig.people.jwt('ada'));
  const access = bearer(await accessToken(owners, basic(nullUser, refresh), ['registry:management:*']));
  expect((await get(owners, show, access)).status).toBe(200);
  // Whoever has no right gets none by it.
  expect((await get(owners, show, bearer(await rig.people.jwt('bob')))).status).toBe(403);
  for (const path of ['/v2/', manifest, '/acr/v1/app', '/nothing']) {
    expect([path, (await get(owners, path, await ada())).status]).toEqual([path, 403]);
  }
  await rig.people.registry({ publicNetworkAccess: 'Enabled' });
  expect((await get(rig.url, show, access)).status).toBe(401);
});

test('the registry that a managed resource lies in is asked as well as the one whose host was asked', async () => {
  const other = registryScope.replace(/default$/, 'teamb');
  const put = (properties: object) =>
    rig.from(client, `${other}?api-version=2025-11-01`, {
      method: 'PUT',
      body: JSON.stringify({ properties }),
      headers: { Authorization: authorization, 'Content-Type': 'application/json' },
    });
  const authorization = await ownerJwt();
  expect((await put({})).status).toBe(201);
  expect((await put({ publicNetworkAccess: 'Disabled' })).status).toBe(200);
  expect((await put({})).status).toBe(403);
  for (const path of ['', '/tokens', '/scopeMaps/none', '/privateEndpointConnections', '/privateLinkResources']) {
    const answer = await get(rig.url, `${other}${path}?api-version=2025-11-01`, authorization);
    expect([path, answer.status]).toEqual([path, 403]);
    const { error } = (await answer.json()) as { error: { message: string } };
    expect(error.message).toContain('public network access of the registry teamb is disabled');
  }
  // By a private endpoint of the other registry alone.
  expect((await get(rig.urls.approved, `${other}?api-version=2025-11-01`, authorization)).status).toBe(403);
  await rig.people.put(`${other}/privateEndpointConnections/own`, {
    listener: 'approved',
    privateLinkServiceConnectionState: { status: 'Approved' },
  });
  expect((await get(rig.urls.approved, `${other}?api-version=2025-11-01`, authorization)).status).toBe(200);
});

/** Of the group, so of all registries. */
async function ownerJwt(): Promise<string> {
  await rig.people.assign('Owner', await rig.people.identity('root'), {}, groupScope);
  return bearer(await rig.people.jwt('root'));
}
