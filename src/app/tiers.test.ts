import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { pushBlob, randomBytes } from '../../test/http/registry.ts';
import { managementOf } from '../../test/support/management.ts';
import { registryId } from '../../test/support/policies.ts';
import { startTestApp } from '../../test/support/server.ts';
import { tiersOf } from '../../test/support/tiers.ts';

type Server = Awaited<ReturnType<typeof startTestApp>>;
let server: Server;
let tiers: ReturnType<typeof tiersOf>;
let manage: ReturnType<typeof managementOf>;
beforeAll(async () => {
  server = await startTestApp();
  tiers = tiersOf(server.url);
  manage = managementOf(server.url);
});
afterAll(() => server[Symbol.asyncDispose]());

interface Shown {
  name: string;
  etag: string;
  properties: {
    limits: Record<string, number>;
    features: Record<string, boolean>;
    rates: Record<string, { registry: number; identity?: number }>;
    builtIn: boolean;
    modified: boolean;
    registries: number;
  };
}

const show = async (name: string) => (await tiers.call('GET', tiers.tierId(name))).content as unknown as Shown;
const errorOf = async (answer: ReturnType<typeof tiers.call>) => {
  const { status, content } = await answer;
  return { status, ...content.error! } as {
    status: number;
    code?: string;
    message: string;
    details?: { message: string; code: string; target: string }[];
  };
};
const patch = (registry: string, body: object) => tiers.call('PATCH', registryId(registry), body);
const gib = 1024 ** 3;

describe('tiers', () => {
  test('are Basic, Standard, Premium and acr-premium, with what ACR has', async () => {
    const listed = await tiers.call('GET', tiers.tierId('').replace(/\/$/, ''));
    const value = listed.content['value'] as unknown as Shown[];
    expect(value.map(({ name }) => name)).toEqual(['Basic', 'Standard', 'Premium', 'acr-premium']);
    const [basic, standard, premium, acr] = value.map(({ properties }) => properties);
    // acr §1.1, row by row.
    const rows = ['includedStorage', 'maxStorage', 'maxLayer', 'maxManifest', 'webhooks', 'geoReplications'];
    const more = ['privateEndpoints', 'ipRules', 'virtualNetworkRules', 'tokens', 'scopeMaps'];
    const last = ['actionsPerScopeMap', 'repositoriesPerScopeMap'];
    const of = ({ limits }: Shown['properties']) => [...rows, ...more, ...last].map((row) => limits[row]!);
    const shared = [200 * gib, 4 * 1024 ** 2];
    expect(of(basic!)).toEqual([10 * gib, 40 * 1024 * gib, ...shared, 2, 0, 0, 0, 0, 100, 100, 500, 500]);
    expect(of(standard!)).toEqual([100 * gib, 40 * 1024 * gib, ...shared, 10, 0, 0, 0, 0, 500, 500, 500, 500]);
    const numbers = [500, -1, 200, 200, 100, 50_000, 50_000, 500, 500];
    expect(of(acr!)).toEqual([500 * gib, 100 * 1024 * gib, ...shared, ...numbers]);
    const has = ({ features }: Shown['properties']) =>
      Object.entries(features)
        .filter(([, on]) => on)
        .map(([name]) => name);
    expect(has(basic!)).toEqual(['availabilityZones', 'repositoryPermissions']);
    expect(has(standard!)).toEqual(['anonymousPull', 'availabilityZones', 'repositoryPermissions']);
    expect(Object.values(premium!.features)).not.toContain(false);
    // acr §1.3.
    const ratesOf = ({ rates }: Shown['properties']) =>
      ['dataplaneRead', 'dataplaneWrite', 'dataplaneDelete', 'listReferrers', 'oauth'].map((name) =>
        Object.values(rates[name]!),
      );
    const lower = [[10_000, 5000], [2000, 1000], [1000, 500], [500, 250], [10_000]];
    expect([ratesOf(basic!), ratesOf(standard!)]).toEqual([lower, lower]);
    expect(ratesOf(acr!)).toEqual([[20_000, 10_000], [4000, 2000], [4000, 2000], [2000, 1000], [20_000]]);
    expect(
      ratesOf(premium!)
        .flat()
        .every((rate) => rate === -1),
    ).toBe(true);
  });

  test('are edited in part, say so, and are reset by a deletion', async () => {
    const shipped = await show('Basic');
    expect(shipped.properties).toMatchObject({ builtIn: true, modified: false });
    const edited = await tiers.patch('Basic', { limits: { tokens: 7 } });
    expect(edited).toMatchObject({
      properties: { limits: { tokens: 7, scopeMaps: 100 }, builtIn: true, modified: true },
    });
    expect((await show('basic')).properties.limits['tokens']).toBe(7);
    expect((await tiers.call('DELETE', tiers.tierId('Basic'))).status).toBe(200);
    expect(await show('Basic')).toEqual(shipped);
    expect((await tiers.call('DELETE', tiers.tierId('Basic'))).status).toBe(204);
  });

  test('that nobody has written are written once by who saw them so', async () => {
    const { etag } = await show('Standard');
    const write = () =>
      fetch(`${server.url}${tiers.tierId('Standard')}?api-version=2025-11-01`, {
        method: 'PATCH',
        body: JSON.stringify({ properties: { description: 'ours' } }),
        headers: { 'Content-Type': 'application/json', 'If-Match': etag },
      });
    expect([(await write()).status, (await write()).status]).toEqual([200, 412]);
    await tiers.call('DELETE', tiers.tierId('Standard'));
  });

  test('of their own have what Premium has, but for what they say; they go when no registry has them', async () => {
    await tiers.put('Team', { limits: { tokens: 3 } });
    expect((await show('Team')).properties).toMatchObject({ builtIn: false, limits: { tokens: 3, webhooks: -1 } });
    await tiers.use('Team', 'teamreg');
    expect((await show('team')).properties.registries).toBe(1);
    const refused = await errorOf(tiers.call('DELETE', tiers.tierId('Team')));
    expect(refused).toMatchObject({ status: 409, code: 'ResourceInUse' });
    expect(refused.message).toContain('bonded acr update --name teamreg --sku Premium');
    await tiers.use('Premium', 'teamreg');
    expect((await tiers.call('DELETE', tiers.tierId('Team'))).status).toBe(200);
  });

  test.each([
    [{ limits: { tokens: -2 } }],
    [{ limits: { tokens: 60_000 } }],
    [{ limits: { maxManifest: 5 * 1024 ** 2 } }],
    [{ limits: { tokens: '5' } }],
    [{ rates: { dataplaneRead: { registry: 0 } } }],
    [{ rates: { burstSeconds: 61 } }],
    [{ features: { anonymousPull: 'yes' } }],
  ])('are not what makes no sense: %j', async (properties) => {
    expect(await errorOf(tiers.call('PUT', tiers.tierId('Odd'), { properties }))).toMatchObject({ status: 400 });
  });

  test('are named by the SKU of a registry, in any case; one that is not there is refused', async () => {
    await tiers.use('Premium', 'skureg');
    const { content } = await patch('skureg', { sku: { name: 'ACR-Premium' } });
    expect(content['sku']).toEqual({ name: 'acr-premium', tier: 'acr-premium' } as never);
    const refused = await errorOf(patch('skureg', { sku: { name: 'Gold' } }));
    expect(refused).toMatchObject({ status: 400, target: 'sku.name' });
    expect(refused.message).toBe('sku.name: there is no tier Gold; bonded tier list shows them');
  });
});

describe('features', () => {
  test('that a tier lacks are refused with the tier that has them and the way there', async () => {
    await tiers.use('Basic', 'basicreg');
    for (const properties of [{ anonymousPullEnabled: true }, { anonymousPullRepositories: ['samples/*'] }]) {
      const refused = await errorOf(patch('basicreg', { properties }));
      expect(refused).toMatchObject({
        status: 409,
        code: 'Conflict',
        target: `properties.${Object.keys(properties)[0]}`,
      });
      expect(refused.message).toContain('the tier Standard does: bonded acr update --name basicreg --sku Standard');
    }
    await tiers.use('Standard', 'basicreg');
    expect((await patch('basicreg', { properties: { anonymousPullEnabled: true } })).status).toBe(200);
  });

  test('that are on stay on where somebody takes them from the tier, and come not again', async () => {
    await tiers.put('Shrinking', {});
    await tiers.use('Shrinking', 'shrinking');
    expect((await patch('shrinking', { properties: { anonymousPullEnabled: true } })).status).toBe(200);
    await tiers.patch('Shrinking', { features: { anonymousPull: false } });
    expect((await patch('shrinking', { properties: { adminUserEnabled: true } })).status).toBe(200);
    expect((await patch('shrinking', { properties: { anonymousPullEnabled: false } })).status).toBe(200);
    expect((await patch('shrinking', { properties: { anonymousPullEnabled: true } })).status).toBe(409);
  });
});

describe('limits', () => {
  const map = (registry: string, n: number) => `${registryId(registry)}/scopeMaps/readers-${n}`;
  const actions = (n: number) => Array.from({ length: n }, (_, i) => `repositories/app${i}/content/read`);

  test('of tokens and scope maps hold for new ones, at the same moment too', async () => {
    await tiers.put('Few', { limits: { tokens: 2, scopeMaps: 2, actionsPerScopeMap: 3 } });
    await tiers.use('Few', 'fewreg');
    const made = await Promise.all(
      [1, 2, 3, 4].map((n) => tiers.call('PUT', map('fewreg', n), { properties: { actions: actions(1) } })),
    );
    expect(made.map(({ status }) => status).toSorted()).toEqual([201, 201, 409, 409]);
    const refused = made.find(({ status }) => status === 409)!.content.error!;
    expect(refused).toMatchObject({ code: 'QuotaExceeded' });
    expect(refused.message).toContain('the tier Few of the registry fewreg has 2 scope maps at most');
    expect(refused.message).toContain('bonded acr update --name fewreg --sku ');
    // What is there may be changed, within what the tier says of it.
    const there = map('fewreg', made.findIndex(({ status }) => status === 201) + 1);
    expect((await tiers.call('PUT', there, { properties: { actions: actions(3) } })).status).toBe(200);
    const large = await errorOf(tiers.call('PUT', there, { properties: { actions: actions(4) } }));
    expect(large).toMatchObject({ status: 409, target: 'properties.actions' });
    const token = (n: number) =>
      tiers.call('PUT', `${registryId('fewreg')}/tokens/token-${n}`, { properties: { scopeMapId: there } });
    expect([(await token(1)).status, (await token(2)).status, (await token(3)).status]).toEqual([201, 201, 409]);
    await tiers.use('Standard', 'fewreg');
    expect((await token(3)).status).toBe(201);
  });

  test('are what listUsages shows, in the shape of ACR', async () => {
    await tiers.use('Standard', 'usagereg');
    await manage.put(map('usagereg', 1), { actions: actions(1) });
    const { status, content } = await tiers.call('GET', `${registryId('usagereg')}/listUsages`);
    expect([status, content['value'] as unknown]).toEqual([
      200,
      [
        { name: 'Size', limit: 40 * 1024 * gib, currentValue: 0, unit: 'Bytes' },
        { name: 'Webhooks', limit: 10, currentValue: 0, unit: 'Count' },
        { name: 'Geo-replications', limit: 1, currentValue: 1, unit: 'Count' },
        { name: 'IPRules', limit: 0, currentValue: 0, unit: 'Count' },
        { name: 'VNetRules', limit: 0, currentValue: 0, unit: 'Count' },
        { name: 'PrivateEndpointConnections', limit: 0, currentValue: 0, unit: 'Count' },
        { name: 'ScopeMaps', limit: 500, currentValue: 1, unit: 'Count' },
        { name: 'Tokens', limit: 500, currentValue: 0, unit: 'Count' },
      ],
    ]);
  });
});

describe('a change of the tier', () => {
  test('is checked before, and refused with all reasons at once', async () => {
    await tiers.put('Tiny', { limits: { scopeMaps: 1, tokens: 5 }, features: { anonymousPull: false } });
    await tiers.use('acr-premium', 'moving');
    for (const n of [1, 2, 3]) {
      await manage.put(`${registryId('moving')}/scopeMaps/readers-${n}`, {
        actions: ['repositories/app/content/read'],
      });
    }
    await patch('moving', { properties: { anonymousPullEnabled: true } });
    const check = async (name: string) =>
      (await tiers.call('POST', `${registryId('moving')}/checkTierChange`, { sku: { name } })).content as unknown as {
        allowed: boolean;
        blocks: { code: string; target: string; message: string }[];
        slower: { name: string }[];
        lost: { name: string }[];
        gained: { name: string }[];
      };
    const report = await check('Tiny');
    expect(report.allowed).toBe(false);
    const blocks = [
      ['FeatureInUse', 'properties.anonymousPullEnabled'],
      ['QuotaExceeded', 'limits.scopeMaps'],
    ];
    expect(report.blocks.map(({ code, target }) => [code, target])).toEqual(blocks);
    // What to do, and in which tier it could stay.
    expect(report.blocks.map(({ message }) => message)).toEqual([
      'the tier Tiny does not have anonymousPull (Everybody may pull, without credentials), which anonymousPullEnabled asks ' +
        'for; take that away first, or choose the tier Standard',
      'the registry moving has scope maps (3), and the tier Tiny takes 1; take that away first, or choose the tier Basic',
    ]);
    const refused = await errorOf(patch('moving', { sku: { name: 'Tiny' } }));
    expect(refused).toMatchObject({ status: 409, target: 'sku.name' });
    expect(refused.details!.map(({ code, target }) => [code, target])).toEqual(blocks);

    const down = await check('Standard');
    expect(down.allowed).toBe(true);
    expect(down.slower.map(({ name }) => name)).toContain('rates.dataplaneWrite.identity');
    expect(down.lost.map(({ name }) => name)).toContain('features.privateEndpoints');
    const up = await check('Premium');
    expect([up.slower, up.gained.map(({ name }) => name).includes('rates.dataplaneRead.registry')]).toEqual([[], true]);
    expect((await patch('moving', { sku: { name: 'Standard' } })).status).toBe(200);
    expect(
      (await errorOf(tiers.call('POST', `${registryId('moving')}/checkTierChange`, { sku: { name: 'Gold' } }))).status,
    ).toBe(400);
  });

  test('counts what is stored, and a tier has no room for more than it says', async () => {
    await tiers.put('Narrow', { limits: { maxStorage: 5000 } });
    await tiers.use('Premium', 'default');
    const size = async () => {
      const { content } = await tiers.call('GET', `${registryId('default')}/listUsages`);
      return (content['value'] as unknown as { name: string; currentValue: number; limit: number }[])[0]!;
    };
    await pushBlob(server.url, 'app', randomBytes(4000));
    expect(await size()).toMatchObject({ name: 'Size', currentValue: 4000, limit: 100 * 1024 * gib });
    await tiers.use('Narrow', 'default');
    expect(await size()).toMatchObject({ currentValue: 4000, limit: 5000 });
    await expect(pushBlob(server.url, 'app', randomBytes(2000))).rejects.toThrow(/PUT answered 4/);
    expect(await size()).toMatchObject({ currentValue: 4000 });
    await tiers.put('Narrower', { limits: { maxStorage: 3000 } });
    const refused = await errorOf(patch('default', { sku: { name: 'Narrower' } }));
    expect(refused.details!.map(({ code }) => code)).toEqual(['StorageExceeded']);
    await tiers.use('Premium', 'default');
    await pushBlob(server.url, 'app', randomBytes(2000));
    expect(await size()).toMatchObject({ currentValue: 6000 });
  });

  test('may take away what stands against it in the same write', async () => {
    await tiers.use('Standard', 'together');
    await patch('together', { properties: { anonymousPullEnabled: true } });
    expect((await patch('together', { sku: { name: 'Basic' } })).status).toBe(409);
    expect(
      (await patch('together', { sku: { name: 'Basic' }, properties: { anonymousPullEnabled: false } })).status,
    ).toBe(200);
  });
});
