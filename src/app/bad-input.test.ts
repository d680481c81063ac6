import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { assert, asyncProperty, json, jsonValue } from 'fast-check';
import { fetch } from '../../test/http/fetch.ts';
import { builtInRole } from '../../test/support/policies.ts';
import { startTestApp, type TestServer } from '../../test/support/server.ts';
import { formatId, groupScope, type ResourceType } from '../operations/index.ts';
import { resourceTypes } from './resource-types.ts';

/* What clients may send to the management API by mistake or on purpose, to every type of resource that there is. */

/** Of each type: there are a dozen. */
const runs = Math.ceil(Number(process.env['BONDED_TEST_RUNS'] ?? 300) / 20);
let server: TestServer;
beforeAll(async () => {
  server = await startTestApp();
  // What others lie in.
  for (const type of ['registries/scopeMaps', 'userAssignedIdentities']) {
    const of = resourceTypes.find(({ path }) => path === type)!;
    const answer = await send('PUT', pathOf(of), sampleOf(of)!);
    expect([type, answer.status]).toEqual([type, 201]);
    const { properties } = (await answer.json()) as { properties: { principalId?: string } };
    if (properties.principalId !== undefined) principal.principalId = properties.principalId;
  }
});
afterAll(() => server?.[Symbol.asyncDispose]());

/** Whom roles are assigned to: the identity that is made first. */
const principal = { principalId: '', principalType: 'ServicePrincipal', roleDefinitionId: builtInRole('AcrPull').id };

/** A name that a type can have, and a body that it takes; what has none is tested without being created. */
const samples: Record<string, { name: string; body?: object }> = {
  registries: { name: 'Sample', body: { location: 'local', sku: { name: 'Premium' }, properties: {} } },
  'registries/scopeMaps': { name: 'sample', body: { properties: { actions: ['repositories/a/content/read'] } } },
  'registries/tokens': {
    name: 'sample',
    body: {
      properties: {
        scopeMapId: `${groupScope}/providers/Microsoft.ContainerRegistry/registries/default/scopeMaps/sample`,
      },
    },
  },
  'registries/replications': { name: 'sample', body: { location: 'sample', properties: {} } },
  'registries/privateEndpointConnections': { name: 'sample', body: { properties: { linkId: 'vpce-1' } } },
  'registries/scanning': { name: 'default', body: { properties: { sbomRepositories: ['a'] } } },
  'registries/admissionPolicies': { name: 'sample', body: { properties: { repositories: ['a'], mode: 'audit' } } },
  'registries/admissionExceptions': {
    name: 'sample',
    body: {
      properties: {
        vulnerability: 'CVE-2026-1',
        repositories: ['a'],
        expiresOn: new Date(Date.now() + 86_400_000).toISOString(),
      },
    },
  },
  tiers: { name: 'sample', body: { properties: {} } },
  trustedIssuers: {
    name: 'sample',
    body: { properties: { issuer: 'https://issuer.test', audiences: ['a'], preset: undefined } },
  },
  userAssignedIdentities: { name: 'sample', body: { location: 'local', properties: {} } },
  'userAssignedIdentities/federatedIdentityCredentials': {
    name: 'sample',
    body: { properties: { issuer: 'https://issuer.test', subject: 'somebody', audiences: ['a'] } },
  },
  roleDefinitions: {
    name: '11111111-1111-4111-8111-111111111111',
    body: {
      properties: { roleName: 'Sample', permissions: [{ actions: ['*/read'] }], assignableScopes: [groupScope] },
    },
  },
  roleAssignments: {
    name: '22222222-2222-4222-8222-222222222222',
    body: { properties: principal },
  },
};

const parents: Record<string, string> = {
  registries: 'default',
  userAssignedIdentities: 'sample',
  repositories: 'none',
};
const sampleOf = ({ path }: ResourceType) => samples[path]?.body;

/** The id of a sample; with another name, of something else of that type. */
function pathOf(type: ResourceType, name = samples[type.path]?.name ?? 'sample'): string {
  const words = type.path.split('/');
  const own = words.flatMap((word, at) => [word, at < words.length - 1 ? parents[word]! : name]);
  return `${groupScope}${formatId(['providers', type.namespace, ...own])}`;
}

const collectionOf = (type: ResourceType) => pathOf(type).replace(/\/[^/]+$/, '');
const versionOf = ({ apiVersions }: ResourceType) => apiVersions.at(-1)!;
const typeAt = (path: string) =>
  resourceTypes.find((type) => path.startsWith(pathOf(type).replace(/\/[^/]+$/, ''))) ?? resourceTypes[0]!;

interface Sent {
  headers?: Record<string, string>;
  /** The whole query. */
  query?: string;
  type?: ResourceType;
}

function send(
  method: string,
  path: string,
  body?: unknown,
  { headers = {}, query, type }: Sent = {},
): Promise<Response> {
  const version = `api-version=${versionOf(type ?? typeAt(path))}`;
  return fetch(`${server.url}${path}?${query ?? version}`, {
    method,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers },
  });
}

interface Told {
  status: number;
  code: string;
  message: string;
  target: string | undefined;
}

async function told(answer: Response): Promise<Told> {
  const { error } = (await answer.json()) as { error: Omit<Told, 'status'> };
  return { ...error, status: answer.status, target: error.target };
}

const writable = resourceTypes.filter(({ verbs }) => verbs.includes('put'));
const listed = resourceTypes.filter(({ verbs }) => verbs.includes('list'));
const named = (types: readonly ResourceType[]) => types.map((type) => [type.path, type] as const);

test('every type that can be written has a sample', () => {
  expect(writable.filter((type) => !sampleOf(type)).map(({ path }) => path)).toEqual([]);
});

describe.each(named(resourceTypes))('%s', (_, type) => {
  test.each([
    ['none', '', 'MissingApiVersionParameter'],
    ['an empty one', 'api-version=', 'MissingApiVersionParameter'],
    ['what is no date', 'api-version=latest', 'InvalidApiVersionParameter'],
    ['one of the future', 'api-version=2099-01-01', 'NoRegisteredProviderFound'],
    ['one that is too long', `api-version=${'2'.repeat(5000)}`, 'InvalidApiVersionParameter'],
  ])('of api-versions, %s is refused, and those that are served are named', async (__, query, code) => {
    const answer = await told(await send('GET', pathOf(type), undefined, { query, type }));
    expect(answer).toMatchObject({ status: 400, code });
    expect(answer.message).toContain(versionOf(type));
  });

  test('what is not served is refused with what is', async () => {
    const verbs = type.verbs.flatMap((verb) =>
      verb === 'list' ? [] : verb === 'get' ? ['GET', 'HEAD'] : [verb.toUpperCase()],
    );
    for (const method of ['PUT', 'PATCH', 'DELETE', 'POST'].filter((one) => !verbs.includes(one))) {
      const answer = await send(method, pathOf(type), method === 'DELETE' ? undefined : {}, { type });
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, verbs.join(', ')]);
    }
  });

  test('names that none can have are refused', async () => {
    for (const name of ['a'.repeat(300), 'a b', 'ä', 'a%00b', '..%2f..', "a'--", '*', 'a%3Fb']) {
      const path = `${collectionOf(type)}/${name.includes('%') ? name : encodeURIComponent(name)}`;
      const method = type.verbs.includes('put') ? 'PUT' : 'GET';
      const { status } = await send(method, path, method === 'PUT' ? (sampleOf(type) ?? {}) : undefined, { type });
      expect([name, status >= 400 && status < 500]).toEqual([name, true]);
    }
  });

  test('its actions take no nonsense', async () => {
    const isThere = (await send('GET', pathOf(type, 'default'), undefined, { type })).status === 200;
    for (const [name, { method, input }] of Object.entries(type.actions)) {
      if (method === 'GET' || !input) continue;
      for (const body of ['[]', '1', '"x"', '{"a":', `{"a":${'['.repeat(500)}`]) {
        const { status, code } = await told(await send('POST', `${pathOf(type, 'default')}/${name}`, body, { type }));
        const wanted = isThere ? [400, 'InvalidRequestContent'] : [404, 'ResourceNotFound'];
        expect([name, body.slice(0, 40), status, code]).toEqual([name, body.slice(0, 40), ...wanted]);
      }
      const known = Object.keys((input as { shape?: object }).shape ?? {});
      for (const value of [5, [[]], { nonsense: true }, 'x'.repeat(70_000), null, true]) {
        const body = Object.fromEntries(known.map((key) => [key, value]));
        const { status } = await send('POST', `${pathOf(type, 'default')}/${name}`, body, { type });
        // What only has to be left out may be null; nothing else of this is what anybody means.
        expect([name, typeof value, status < 500]).toEqual([name, typeof value, true]);
        if (input.safeParse(body).success || value === null) continue;
        expect([name, typeof value, status >= 400]).toEqual([name, typeof value, true]);
      }
    }
  });
});

describe.each(named(listed))('lists of %s', (_, type) => {
  test('have bounded pages, and malformed ones are refused', async () => {
    const query = (more: string) => `api-version=${versionOf(type)}&${more}`;
    const wide = await send('GET', collectionOf(type), undefined, { query: query('$top=10000'), type });
    if (wide.status === 200) {
      const { value } = (await wide.json()) as { value: unknown[] };
      expect(value.length).toBeLessThanOrEqual(200);
    } else expect([type.path, wide.status]).toEqual([type.path, 404]);
    if (wide.status !== 200) return;
    for (const more of ['$top=0', '$top=-1', '$top=1e3', '$top=x', '$top=99999999999']) {
      const { status, code } = await told(
        await send('GET', collectionOf(type), undefined, { query: query(more), type }),
      );
      expect([more, status, code]).toEqual([more, 400, 'InvalidParameter']);
    }
    for (const token of ['', 'x', '%00', 'a'.repeat(6000), Buffer.from('/../..').toString('base64url')]) {
      const answer = await send('GET', collectionOf(type), undefined, { query: query(`$skipToken=${token}`), type });
      expect([token.slice(0, 20), answer.status]).toEqual([token.slice(0, 20), 400]);
    }
  });
});

describe.each(named(writable))('writes of %s', (_, type) => {
  // One of which there is one is there already.
  const isOnly = samples[type.path]?.name === 'default';
  const name = type.path.startsWith('role') ? '44444444-4444-4444-8444-444444444444' : 'refused0';
  const path = pathOf(type, isOnly ? 'default' : name);

  test.each([
    ['an array', '[]', {}, 400],
    ['a number', '1', {}, 400],
    ['nothing', '', {}, 400],
    ['half of it', '{"properties":{', {}, 400],
    ['a key twice', '{"properties":{},"properties":{}}', {}, 400],
    ['nests without end', `${'{"a":'.repeat(300)}1${'}'.repeat(300)}`, {}, 400],
    ['no UTF-8', '\ud800', {}, 400],
    ['another media type', '{}', { 'Content-Type': 'text/plain' }, 415],
    ['more than a body may have', JSON.stringify({ properties: { x: 'x'.repeat(1_100_000) } }), {}, 413],
    ['properties that are a list', '{"location":"local","properties":[]}', {}, 400],
    ['tags that are a list', '{"location":"local","tags":[1],"properties":{}}', {}, 400],
  ])('a body that is %s is refused', async (what, body, headers, status) => {
    // A type without tags does not look at them.
    if (what.startsWith('tags') && !type.top.tags) return;
    const answer = await told(await send('PUT', path, body, { headers, type }));
    expect([what, answer.status]).toEqual([what, status]);
    expect((await send('GET', path, undefined, { type })).status).toBe(isOnly ? 200 : 404);
  });

  test('a property of another type than it has is refused by its name', async () => {
    const values = [12_345.5, 'no §', { nonsense: true }, [[{}]], true, 'x'.repeat(70_000)];
    for (const [property, schema] of Object.entries(type.properties.shape)) {
      const wrong = values.filter(
        (value) => !(schema as { safeParse(value: unknown): { success: boolean } }).safeParse(value).success,
      );
      expect([property, wrong.length > 0]).toEqual([property, true]);
      for (const value of wrong) {
        const { properties, ...rest } = { location: 'local', ...(sampleOf(type) as { properties?: object }) };
        const body = { ...rest, properties: { ...properties, [property]: value } };
        const answer = await told(await send('PUT', path, body, { type }));
        expect([property, answer.status, answer.code]).toEqual([property, 400, 'InvalidRequestContent']);
        expect(answer.message).toContain(`properties.${property}`);
      }
    }
  });

  test('whatever JSON comes, no failure is ours', async () => {
    await assert(
      asyncProperty(jsonValue({ maxDepth: 3 }), async (properties) => {
        const { status } = await send('PUT', path, { location: 'local', properties }, { type });
        expect(status).toBeLessThan(500);
        if (status < 300) await send('DELETE', path, undefined, { type });
      }),
      { numRuns: runs },
    );
    await assert(
      asyncProperty(json(), async (text) => {
        const { status } = await send('PATCH', path, text, { type });
        expect([400, 404, 405, ...(isOnly ? [200] : [])]).toContain(status);
      }),
      { numRuns: runs },
    );
  });

  test('a stale etag changes nothing, and of those who have the same one wins', async () => {
    const at = pathOf(type);
    if (!sampleOf(type)) return;
    const created = await send('PUT', at, sampleOf(type), { type });
    expect([200, 201]).toContain(created.status);
    const { etag } = (await created.json()) as { etag: string };
    const stale = '"0000000000000000"';
    const refused = [
      await send('PUT', at, sampleOf(type), { headers: { 'If-Match': stale }, type }),
      await send('PUT', at, sampleOf(type), { headers: { 'If-None-Match': '*' }, type }),
      await send('PATCH', at, { properties: {} }, { headers: { 'If-Match': stale }, type }),
      await send('DELETE', at, undefined, { headers: { 'If-Match': stale }, type }),
    ];
    // Some types are not changed by PATCH.
    expect(refused.map(({ status }) => (status === 405 ? 412 : status))).toEqual([412, 412, 412, 412]);
    expect(((await (await send('GET', at, undefined, { type })).json()) as { etag: string }).etag).toBe(etag);
    if (!type.verbs.includes('patch') || !type.top.tags) return;
    const headers = { 'If-Match': etag };
    const all = await Promise.all(
      Array.from({ length: 8 }, (__, n) => send('PATCH', at, { tags: { n: String(n) } }, { headers, type })),
    );
    const statuses = all.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([200, ...Array.from({ length: 7 }, () => 412)]);
  });

  test('more than a resource may have is refused', async () => {
    if (!type.top.tags || !sampleOf(type)) return;
    const many = Object.fromEntries(Array.from({ length: 51 }, (__, n) => [`t${n}`, 'x']));
    for (const tags of [many, { a: 'x'.repeat(257) }, { ['n'.repeat(513)]: 'x' }]) {
      const answer = await told(await send('PUT', path, { ...(sampleOf(type) as object), tags }, { type }));
      expect(answer).toMatchObject({ status: 400, code: 'InvalidRequestContent' });
    }
  });
});
