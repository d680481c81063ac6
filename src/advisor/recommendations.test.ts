import { describe, expect, test } from 'bun:test';
import { fetch as asOperator } from '../../test/http/fetch.ts';
import { makeIssuer, registry } from '../../test/support/management.ts';
import { groupScope, subscriptionScope } from '../operations/index.ts';
import { type Advice, openAdviceRig } from './advice-rig.double.ts';

const collection = '/providers/Microsoft.Advisor/recommendations';

interface Listed {
  value: { id: string; name: string; type: string; properties: Advice }[];
  nextLink?: string;
}

describe('recommendations', () => {
  test('are listed at the scopes that they are in, and got by their ids', async () => {
    await using rig = await openAdviceRig();
    const { url } = rig.server;
    const get = async (path: string) => {
      const answer = await asOperator(path.startsWith('http') ? path : `${url}${path}?api-version=2023-01-01`);
      return { status: answer.status, body: (await answer.json()) as Listed };
    };
    const names = async (scope: string) =>
      (await get(`${scope}${collection}`)).body.value.map(({ name }) => name).toSorted();
    await rig.manage.patch(registry, { adminUserEnabled: true });
    const principalId = await rig.manage.identity('builder');
    await rig.manage.assign('Owner', { principalId }, '');

    const all = await names(groupScope);
    expect(all.length).toBe(2);
    expect(await names(subscriptionScope)).toEqual(all);
    expect(await names('')).toEqual(all);
    const [own] = (await get(`${registry}${collection}`)).body.value;
    expect(own).toMatchObject({
      type: 'Microsoft.Advisor/recommendations',
      properties: {
        category: 'Security',
        impact: 'High',
        impactedField: 'Microsoft.ContainerRegistry/registries',
        impactedValue: 'default',
        resourceMetadata: { resourceId: registry },
        extendedProperties: { check: 'admin-user-enabled' },
      },
    });
    expect(own!.id).toBe(`${registry}${collection}/${own!.name}`);
    for (const { id, name } of (await get(`${groupScope}${collection}`)).body.value) {
      expect((await get(id)).body).toMatchObject({ id, name });
    }
    await rig.manage.patch(registry, { adminUserEnabled: false });
    expect((await get(own!.id)).status).toBe(404);
    // It is the same when the same mistake is made again.
    await rig.manage.patch(registry, { adminUserEnabled: true });
    expect((await get(own!.id)).status).toBe(200);
  });

  test('come in pages, the worst first', async () => {
    await using rig = await openAdviceRig();
    const repositories = Array.from({ length: 100 }, (_, at) => `samples/${at}`);
    await rig.manage.patch(registry, { adminUserEnabled: true, anonymousPullRepositories: repositories });
    const first = await asOperator(`${rig.server.url}${groupScope}${collection}?api-version=2023-01-01`);
    const { value, nextLink } = (await first.json()) as Listed;
    expect([value.length, value[0]!.properties.impact]).toEqual([100, 'High']);
    const second = (await (await asOperator(nextLink!)).json()) as Listed;
    expect([second.value.length, second.nextLink]).toEqual([1, undefined]);
    const { length } = (await rig.bonded('advise -o json')).json() as Advice[];
    expect(length).toBe(101);
  });

  test('cannot be written', async () => {
    await using rig = await openAdviceRig();
    const path = `${rig.server.url}${groupScope}${collection}/00000000-0000-0000-0000-000000000000?api-version=2023-01-01`;
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      expect((await asOperator(path, { method, body: '{}' })).status).toBe(405);
    }
  });

  test('are for those who may read them', async () => {
    await using rig = await openAdviceRig();
    const { issuer, properties, token } = await makeIssuer();
    await rig.manage.trust('mine', properties);
    const principalId = await rig.manage.identity('auditor');
    await rig.manage.credential('auditor', 'any', { issuer, subject: 'auditor' });
    const ask = async (scope: string) => {
      const headers = { Authorization: `Bearer ${await token({ sub: 'auditor' })}` };
      return (await fetch(`${rig.server.url}${scope}${collection}?api-version=2023-01-01`, { headers })).status;
    };
    expect(await ask(registry)).toBe(403);
    await rig.manage.assign('Reader', { principalId });
    expect([await ask(registry), await ask(groupScope)]).toEqual([200, 403]);
  });

  test('end with 1 where a pipeline asks for it', async () => {
    await using rig = await openAdviceRig();
    const codes = async () => {
      const ran = [];
      for (const line of ['advise', 'advise --fail-on high', 'advise --fail-on low'])
        ran.push((await rig.bonded(line)).code);
      return ran;
    };
    expect(await codes()).toEqual([0, 0, 0]);
    await rig.manage.patch(registry, { anonymousPullRepositories: ['samples/*'] });
    expect(await codes()).toEqual([0, 0, 1]);
    await rig.manage.patch(registry, { adminUserEnabled: true });
    expect(await codes()).toEqual([0, 1, 1]);
    const { out } = await rig.bonded('advise -o table');
    expect(out).toMatch(
      /^High +admin-user-enabled +The admin user .* +bonded acr update --name default --admin-enabled false$/m,
    );
  });
});
