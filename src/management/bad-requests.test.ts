import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { groupScope, subscriptionScope } from '../operations/index.ts';
import { errorOf } from './answers.double.ts';
import { registries, type Rig, startManagement } from './test-management.double.ts';

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
describe('bad requests', () => {
  test('say which property is wrong, and what to do', async () => {
    const error = await errorOf(
      call('PUT', registry, { location: 3, sku: { name: 'Huge' }, properties: { mode: 'x', policies: { days: 0 } } }),
    );
    expect(error).toMatchObject({ status: 400, code: 'InvalidRequestContent', target: 'location' });
    expect(error.details!.map(({ message }) => message)).toEqual([
      'location must be a string',
      'sku.name must be one of Basic, Standard, Premium',
      'properties.mode must be one of Open, Closed',
      'properties.policies.days must be at least 1',
    ]);
    const missing = await errorOf(call('PUT', `${registry}/tokens/token`, {}));
    expect(missing.details!.map(({ message }) => message)).toEqual(['properties.scopeMapId is missing; give a string']);
    expect((await errorOf(call('PUT', `${registry}/tokens/a`, {}))).code).toBe('InvalidResourceName');
  });

  const bodies: [string, number, string | undefined, string, Record<string, string>?][] = [
    ['not JSON', 400, '{', 'InvalidRequestContent'],
    ['no object', 400, '[]', 'InvalidRequestContent'],
    ['nothing', 400, '', 'InvalidRequestContent'],
    ['a key twice', 400, '{"location":"a","location":"b"}', 'InvalidRequestContent'],
    ['nested too deeply', 400, '{"a":'.repeat(2000) + '1' + '}'.repeat(2000), 'InvalidRequestContent'],
    ['another media type', 415, 'location: here', 'UnsupportedMediaType', { 'Content-Type': 'text/plain' }],
    ['too large', 413, `{"a":"${'x'.repeat(1024 * 1024)}"}`, 'RequestContentTooLarge'],
    [
      'too many tags',
      400,
      `{"location":"a","properties":{"secret":"a"},"tags":{${Array.from({ length: 60 }, (_, n) => `"${n}":"x"`).join()}}}`,
      'InvalidRequestContent',
    ],
  ];
  for (const [what, status, body, code, headers] of bodies) {
    test(`a body: ${what}`, async () => {
      const error = await errorOf(call('PUT', registry, body, headers));
      expect(error).toMatchObject({ status, code });
    });
  }

  test('a name of a prototype is a property like others', async () => {
    const answer = await call('PUT', registry, '{"location":"here","tags":{"constructor":"x"},"__proto__":{"a":1}}');
    expect(await answer.json()).toMatchObject({ tags: { constructor: 'x' } });
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  test('without a version that is supported are told of those that are', async () => {
    for (const [version, code] of [
      ['', 'MissingApiVersionParameter'],
      ['latest', 'InvalidApiVersionParameter'],
      ['1999-01-01', 'InvalidApiVersionParameter'],
      ['2099-01-01', 'NoRegisteredProviderFound'],
    ]) {
      const error = await errorOf(fetch(`${rig.url}${registry}?api-version=${version}`));
      expect(error).toMatchObject({ status: 400, code });
      expect(error.message).toContain('2025-11-01');
    }
    expect((await fetch(`${rig.url}${registry}?API-Version=2019-05-01`)).status).toBe(200);
    expect((await errorOf(fetch(`${rig.url}${registry}`))).code).toBe('MissingApiVersionParameter');
  });

  test('to what is not served are in the same form', async () => {
    const paths: [string, string, number, string][] = [
      ['POST', registry, 405, 'MethodNotAllowed'],
      ['PUT', `${groupScope}/providers/${registries.type}`, 405, 'MethodNotAllowed'],
      ['GET', `${registry}/generateCredentials`, 405, 'MethodNotAllowed'],
      ['OPTIONS', registry, 405, 'MethodNotAllowed'],
      ['GET', `${registry}/nonsense`, 404, 'InvalidResourceType'],
      ['GET', `${groupScope}/providers/Microsoft.Compute/disks/d`, 404, 'InvalidResourceType'],
      ['GET', `${subscriptionScope}/providers/${registries.type}/Registry1`, 404, 'InvalidResourceType'],
      ['GET', `${groupScope}/nonsense`, 404, 'NotFound'],
      ['GET', `${groupScope}/providers`, 404, 'NotFound'],
      ['GET', `${subscriptionScope}//resourceGroups`, 400, 'BadRequest'],
      ['GET', `${registry}/tokens/%FF`, 400, 'BadRequest'],
      ['GET', `${registry}/tokens/%00`, 400, 'BadRequest'],
      ['GET', `${registry}/tokens/${'x'.repeat(3000)}`, 400, 'BadRequest'],
    ];
    for (const [method, path, status, code] of paths) {
      const error = await errorOf(call(method, path));
      expect([method, path, error.status, error.code]).toEqual([method, path, status, code]);
    }
    const allowed = await call('POST', registry);
    expect(allowed.headers.get('allow')).toBe('GET, HEAD, PUT, PATCH, DELETE');
    expect((await call('GET', '/v2/')).headers.get('x-ms-request-id')).toBeNull();
  });

  test('beyond the number of resources are refused', async () => {
    const own = await startManagement();
    await using _ = own;
    await own.db.write(async (tx) => {
      for (let n = 0; n < 150; n++) {
        await own.resources.put(
          `${groupScope}/providers/${registries.type}/r${n}`,
          { properties: {} },
          { by: 'x', tx },
        );
      }
    });
    const error = await errorOf(
      own.call('PUT', `${groupScope}/providers/${registries.type}/another`, { location: 'a' }),
    );
    expect(error).toMatchObject({ status: 409, code: 'QuotaExceeded' });
  });
});

test('a correlation id comes back where it is one', async () => {
  const header = async (id: string) =>
    (await call('GET', registry, undefined, { 'x-ms-correlation-request-id': id })).headers.get(
      'x-ms-correlation-request-id',
    );
  expect(await header('abc-123')).toBe('abc-123');
  expect(await header('<script>')).not.toContain('<');
});
