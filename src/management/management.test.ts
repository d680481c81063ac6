import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { groupScope, subscriptionId, subscriptionScope } from '../operations/index.ts';
import { errorOf, jsonOf, listOf } from './answers.double.ts';
import { builtInId, registries, type Rig, startManagement, tokens } from './test-management.double.ts';

let rig: Rig;
let registry: string;
let count = 0;

beforeAll(async () => {
  rig = await startManagement();
});
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(async () => {
  registry = `${groupScope}/providers/${registries.type}/Registry${++count}`;
  await rig.call('PUT', registry, { location: 'here' });
  rig.asked.length = 0;
});

const call: Rig['call'] = (...request) => rig.call(...request);
describe('a resource', () => {
  test('is created, read, replaced, changed and deleted', async () => {
    const id = `${registry}x`;
    const created = await call('PUT', id, {
      location: 'West Europe',
      tags: { team: 'a' },
      sku: { name: 'Premium', tier: 'ignored' },
      properties: { adminUserEnabled: true, loginServer: 'mine.example.com', provisioningState: 'Failed', unknown: 1 },
    });
    expect(created.status).toBe(201);
    const resource = (await created.json()) as Record<string, unknown>;
    const name = id.split('/').at(-1)!;
    expect(resource).toEqual({
      id,
      name,
      type: registries.type,
      location: 'West Europe',
      tags: { team: 'a' },
      sku: { name: 'Premium' },
      properties: {
        adminUserEnabled: true,
        policies: { days: 7 },
        provisioningState: 'Succeeded',
        loginServer: `${name.toLowerCase()}.example.com`,
        number: 7,
      },
      systemData: {
        createdBy: 'anna',
        createdAt: '2026-01-02T00:00:00.000Z',
        lastModifiedBy: 'anna',
        lastModifiedAt: '2026-01-02T00:00:00.000Z',
      },
      etag: created.headers.get('etag'),
    });
    expect(await jsonOf(call('GET', id))).toEqual(resource);
    expect(rig.mirror.get(id)?.properties).toEqual({ adminUserEnabled: true, policies: { days: 7 } });

    const patched = await call('PATCH', id, {
      tags: { team: null, other: 'b' },
      properties: { policies: { days: 9 } },
    });
    expect(patched.status).toBe(200);
    expect(await patched.json()).toMatchObject({
      tags: { other: 'b' },
      properties: { adminUserEnabled: true, policies: { days: 9 }, number: 7 },
    });
    const replaced = await call('PUT', id, { location: 'westeurope' });
    expect(replaced.status).toBe(200);
    expect(await replaced.json()).toMatchObject({
      tags: {},
      properties: { adminUserEnabled: false, policies: { days: 7 }, number: 7 },
    });
    expect((await call('DELETE', id)).status).toBe(200);
    expect(rig.mirror.get(id)).toBeUndefined();
    expect((await call('DELETE', id)).status).toBe(204);
    expect(await errorOf(call('GET', id))).toMatchObject({ status: 404, code: 'ResourceNotFound', target: id });
  });

  test('is found whatever the case of its path, and answers a HEAD without a body', async () => {
    const answer = await call('GET', registry.toLowerCase());
    expect(await answer.json()).toMatchObject({ id: registry, type: registries.type });
    const upper = await call('HEAD', registry.toUpperCase().replace('/SUBSCRIPTIONS', '/Subscriptions'));
    expect([upper.status, await upper.text(), upper.headers.get('etag')]).toEqual([
      200,
      '',
      answer.headers.get('etag'),
    ]);
  });

  test('has the id of its scope and type as they are, and its own name as it was first written', async () => {
    const id = `${registry}Case`;
    const odd = id.replace('resourceGroups/bonded', 'RESOURCEGROUPS/Bonded').replace('/registries/', '/REGISTRIES/');
    expect(await jsonOf(call('PUT', odd, { location: 'here' }))).toMatchObject({ id });
    expect(await jsonOf(call('PUT', id.toLowerCase(), { location: 'here' }))).toMatchObject({ id });
  });

  test('keeps secrets to the hooks', async () => {
    const answer = await call('PATCH', registry, { properties: { secret: 'swordfish' } });
    expect(await answer.text()).not.toContain('swordfish');
    expect(rig.secrets.at(-1)).toEqual({ secret: 'swordfish' });
    const rows = await rig.db.all('SELECT body FROM resources', []);
    const events = await rig.db.all('SELECT data FROM events', []);
    expect(JSON.stringify([rows, events])).not.toContain('swordfish');
  });

  test('keeps what is fixed', async () => {
    const id = `${registry}/tokens/token`;
    await call('PUT', id, { properties: { scopeMapId: 'a' } });
    const change = { properties: { scopeMapId: 'b' } };
    for (const method of ['PUT', 'PATCH']) {
      expect(await errorOf(call(method, id, change))).toMatchObject({
        status: 409,
        code: 'PropertyChangeNotAllowed',
        target: 'properties.scopeMapId',
      });
    }
    expect((await call('PATCH', id, { properties: { status: 'disabled' } })).status).toBe(200);
    expect(await errorOf(call('PATCH', registry, { location: 'elsewhere' }))).toMatchObject({
      status: 409,
      code: 'InvalidResourceLocation',
    });
  });

  test('goes with its parent, and cannot be made without one', async () => {
    const id = `${registry}/tokens/token`;
    expect((await call('PUT', id, { properties: { scopeMapId: 'a' } })).status).toBe(201);
    await call('DELETE', registry);
    expect((await call('GET', id)).status).toBe(404);
    expect(await errorOf(call('PUT', id, { properties: { scopeMapId: 'a' } }))).toMatchObject({
      status: 404,
      code: 'ParentResourceNotFound',
    });
    expect(await errorOf(call('GET', `${registry}/tokens`))).toMatchObject({ code: 'ParentResourceNotFound' });
  });

  test('has the preconditions of its ETag', async () => {
    const etag = (await call('GET', registry)).headers.get('etag')!;
    const body = { location: 'here', tags: { n: '1' } };
    const refused = async (headers: Record<string, string>) =>
      (await errorOf(call('PUT', registry, body, headers))).code;
    expect(await refused({ 'If-None-Match': '*' })).toBe('PreconditionFailed');
    expect(await refused({ 'If-Match': '"other"' })).toBe('PreconditionFailed');
    expect(await refused({ 'If-Match': `W/${etag}` })).toBe('PreconditionFailed');
    expect(await refused({ 'If-None-Match': etag })).toBe('InvalidParameter');
    expect((await call('PUT', registry, body, { 'If-Match': `"other", ${etag}` })).status).toBe(200);
    expect((await errorOf(call('DELETE', registry, undefined, { 'If-Match': etag }))).status).toBe(412);
    const next = (await call('GET', registry)).headers.get('etag')!;
    expect((await call('DELETE', registry, undefined, { 'If-Match': next.replaceAll('"', '') })).status).toBe(200);
    expect(await refused({ 'If-Match': '*' })).toBe('PreconditionFailed');
  });
});

describe('a collection', () => {
  test('comes in pages, by nextLink', async () => {
    await rig.db.write(async (tx) => {
      for (let n = 100; n < 350; n++) {
        await rig.resources.put(`${registry}/tokens/t${n}`, { properties: { scopeMapId: 'a' } }, { by: 'test', tx });
      }
    });
    const names: string[] = [];
    const sizes: number[] = [];
    for (let next: string | undefined = `${registry}/tokens?api-version=2023-07-01&extra=1`; next;) {
      const page = await listOf(call('GET', next));
      names.push(...page.value.map(({ name }) => name));
      sizes.push(page.value.length);
      next = page.nextLink;
      if (next) expect(next).toStartWith(`${rig.url}${registry}/tokens?api-version=2023-07-01&extra=1&`);
    }
    expect(sizes).toEqual([100, 100, 50]);
    expect(names).toEqual(Array.from({ length: 250 }, (_, n) => `t${n + 100}`));
    for (const token of ['x', '', Buffer.from('\0').toString('base64url')]) {
      expect((await errorOf(call('GET', `${registry}/tokens?$skipToken=${token}`))).code).toBe('InvalidParameter');
    }
  });

  test('is one of a group or of the subscription', async () => {
    const ids = async (path: string) => (await listOf(call('GET', path))).value.map(({ id }) => id);
    expect(await ids(`${groupScope}/providers/${registries.type}`)).toContain(registry);
    expect(await ids(`${subscriptionScope}/providers/${registries.type}`)).toContain(registry);
    expect(rig.asked).toEqual([
      `${registries.type}/read ${groupScope}`,
      `${registries.type}/read ${subscriptionScope}`,
    ]);
  });

  test('begins with what is built in, which nobody can change', async () => {
    const path = `${subscriptionScope}/providers/Microsoft.Authorization/roleDefinitions`;
    const own = `${path}/11111111-1111-1111-1111-111111111111`;
    await call('PUT', own, { properties: { roleName: 'Mine' } });
    const { value } = await listOf(call('GET', path));
    expect(value.map(({ id }) => id)).toEqual([builtInId, own]);
    expect(await jsonOf(call('GET', builtInId.toUpperCase()))).toMatchObject({ properties: { roleName: 'AcrPull' } });
    expect((await errorOf(call('PUT', builtInId, { properties: { roleName: 'x' } }))).status).toBe(409);
    expect((await errorOf(call('DELETE', builtInId))).status).toBe(409);
  });
});

describe('an extension', () => {
  const guid = '22222222-2222-2222-2222-222222222222';
  const body = { properties: { principalId: 'p', roleDefinitionId: 'r' } };
  const at = (scope: string) =>
    `${scope === '/' ? '' : scope}/providers/Microsoft.Authorization/roleAssignments/${guid}`;

  test('lies at any scope', async () => {
    const scopes = ['/', subscriptionScope, groupScope, registry, `${registry}/repositories/team%2Fapp%2Fweb`];
    for (const scope of scopes) {
      const answer = await call('PUT', at(scope), body);
      expect([scope, answer.status]).toEqual([scope, 201]);
      expect(((await answer.json()) as { id: string }).id).toBe(at(scope));
      const { value } = await listOf(call('GET', at(scope).slice(0, -guid.length - 1)));
      expect(value.map(({ id }) => id)).toEqual([at(scope)]);
    }
    expect(rig.asked.slice(-2)).toEqual([
      `Microsoft.Authorization/roleAssignments/write ${at(scopes.at(-1)!)}`,
      `Microsoft.Authorization/roleAssignments/read ${scopes.at(-1)!}`,
    ]);
    await call('DELETE', registry);
    const gone = await Promise.all(scopes.map((scope) => call('GET', at(scope))));
    expect(gone.map(({ status }) => status)).toEqual([200, 200, 200, 404, 404]);
  });

  test('needs what it extends', async () => {
    for (const scope of [`${registry}gone`, `${registry}gone/repositories/a`]) {
      expect((await errorOf(call('PUT', at(scope), body))).code).toBe('ParentResourceNotFound');
    }
    expect((await errorOf(call('PUT', at(`${groupScope}/providers/Microsoft.Compute/disks/d`), body))).code).toBe(
      'InvalidResourceType',
    );
  });
});

describe('an action', () => {
  test('gets what its schema reads, and answers what its schema names', async () => {
    const path = `${registry}/GenerateCredentials`;
    const answer = await jsonOf(call('POST', path, { tokenId: `${registry}/tokens/abc`, name: null, more: 1 }));
    expect(answer).toEqual({ username: 'abc', passwords: [{ name: 'password1', value: 'shown once' }] });
    expect(rig.asked.at(-1)).toBe(`${registries.type}/generateCredentials/action ${registry}`);
    const wrong = await errorOf(call('POST', path, { name: 'password3' }));
    expect(wrong).toMatchObject({ status: 400, code: 'InvalidRequestContent' });
    expect(wrong.details!.map(({ target }) => target)).toEqual(['tokenId', 'name']);
    expect((await errorOf(call('POST', `${registry}gone/generateCredentials`, { tokenId: 'x' }))).code).toBe(
      'ResourceNotFound',
    );
  });

  test('may only read, or concern a provider', async () => {
    expect(await jsonOf(call('GET', `${registry}/listUsages`))).toEqual({ value: [{ name: 'Size' }] });
    expect(rig.asked.at(-1)).toBe(`${registries.type}/listUsages/read ${registry}`);
    const check = `${subscriptionScope}/providers/Microsoft.ContainerRegistry/checkNameAvailability`;
    const ask = (name: string) => jsonOf(call('POST', check, { name, type: registries.type }));
    expect(await ask('fresh')).toEqual({ nameAvailable: true });
    expect(await ask(registry.split('/').at(-1)!)).toEqual({ nameAvailable: false });
    expect(rig.asked.at(-1)).toBe(`Microsoft.ContainerRegistry/checkNameAvailability/action ${subscriptionScope}`);
  });
});

describe('scopes', () => {
  test('there is one subscription with one group', async () => {
    const list = await listOf(call('GET', '/subscriptions'));
    expect(list.value.map(({ subscriptionId: id }) => id)).toEqual([subscriptionId]);
    expect(await jsonOf(call('GET', subscriptionScope))).toMatchObject({ id: subscriptionScope, state: 'Enabled' });
    const groups = await listOf(call('GET', `${subscriptionScope}/RESOURCEGROUPS`));
    expect(groups.value.map(({ id }) => id)).toEqual([groupScope]);
    expect(await jsonOf(call('GET', groupScope.toLowerCase()))).toMatchObject({ id: groupScope });
  });

  test('any other is not found', async () => {
    const other = '/subscriptions/00000000-0000-0000-0000-000000000002';
    const paths = [
      '',
      '/resourceGroups',
      '/resourceGroups/bonded',
      `/resourceGroups/bonded/providers/${registries.type}`,
    ];
    for (const path of paths) {
      expect((await errorOf(call('GET', `${other}${path}`))).code).toBe('SubscriptionNotFound');
    }
    const group = `${subscriptionScope}/resourceGroups/other`;
    for (const path of ['', `/providers/${registries.type}`, `/providers/${registries.type}/Registry1`]) {
      expect((await errorOf(call('GET', `${group}${path}`))).code).toBe('ResourceGroupNotFound');
    }
  });
});

describe('rights', () => {
  test('are asked for once, before anything is read, so that missing and forbidden are alike', async () => {
    rig.denied.add('eve');
    const as = { 'x-user': 'eve' };
    const requests = (id: string): [string, string, unknown?][] => [
      ['GET', id],
      ['PUT', id, { location: 'here' }],
      ['PATCH', id, {}],
      ['DELETE', id],
      ['GET', `${id}/tokens`],
      ['POST', `${id}/generateCredentials`, { tokenId: 'x' }],
      ['GET', `${id}/operationStatuses/1`],
    ];
    const outcomes: string[][] = [];
    for (const id of [registry, `${registry.slice(0, -1)}z`, registry.replace('bonded', 'other')]) {
      const seen: string[] = [];
      for (const [method, path, body] of requests(id)) {
        rig.asked.length = 0;
        rig.statements.length = 0;
        const error = await errorOf(call(method, path, body, as));
        expect(rig.asked).toHaveLength(1);
        expect(rig.statements).toEqual([]);
        seen.push(`${error.status} ${error.code} ${error.message.replaceAll(id, 'ID')}`);
      }
      outcomes.push(seen);
    }
    expect(outcomes[0]!.every((outcome) => outcome.startsWith('403 AuthorizationFailed'))).toBe(true);
    expect(outcomes[1]).toEqual(outcomes[0]);
    expect(outcomes[2]).toEqual(outcomes[0]);
  });

  test('are those of the type and the verb', async () => {
    await call('GET', `${registry}/tokens/a`);
    await call('DELETE', `${registry}/tokens/a`);
    await call('PATCH', `${registry}/tokens/a`, {});
    expect(rig.asked).toEqual(['read', 'delete', 'write'].map((verb) => `${tokens.type}/${verb} ${registry}/tokens/a`));
  });
});
