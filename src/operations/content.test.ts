import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { z } from 'zod';
import { readPatch, readPut, resourceType } from './index.ts';
import { mergePatch } from './merge-patch.ts';

const runs = Number(process.env['BONDED_TEST_RUNS'] ?? 200);

const type = resourceType({
  namespace: 'Microsoft.Test',
  path: 'things',
  description: 'A thing.',
  name: { pattern: /./, says: 'anything' },
  apiVersions: ['2025-01-01'],
  properties: z.object({
    a: z.string(),
    b: z.object({ secret: z.string().optional(), n: z.int().max(5).default(1) }).prefault({}),
    c: z.array(z.string().min(2)).max(2).optional(),
  }),
  readOnly: z.object({ state: z.string() }),
  secrets: ['b.secret'],
  top: { tags: true },
});

const failure = (action: () => unknown) => {
  try {
    action();
  } catch (error) {
    return error as { managementCode: string; details: { message: string }[] };
  }
  throw new Error('was not refused');
};

test('RFC 7396, appendix A', () => {
  const cases: [unknown, unknown, unknown][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'foo' }, null, null],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, result] of cases) expect(mergePatch(target, patch)).toEqual(result);
});

test('to merge the same again changes nothing, and neither argument is changed', () => {
  fc.assert(
    fc.property(fc.object({ maxDepth: 3 }), fc.object({ maxDepth: 3, withNullPrototype: false }), (target, patch) => {
      const before = JSON.stringify([target, patch]);
      const once = mergePatch(target, patch);
      expect(mergePatch(once, patch)).toEqual(once);
      expect(JSON.stringify([target, patch])).toBe(before);
    }),
    { numRuns: runs },
  );
});

test('a body is what the schema reads: nothing unknown, nothing read-only, no secret', () => {
  const input = { id: 'x', tags: { t: '1', u: null }, properties: { a: 'x', state: 'mine', d: 1, b: { secret: 's' } } };
  expect(readPut(type, input)).toEqual({
    body: { tags: { t: '1' }, properties: { a: 'x', b: { n: 1 } } },
    secrets: { 'b.secret': 's' },
  });
  expect(readPut(type, { properties: { a: 'x', c: null } })).toEqual({
    body: { properties: { a: 'x', b: { n: 1 } } },
    secrets: {},
  });
});

test('a patch changes what it names, and must leave a whole that is valid', () => {
  const previous = { tags: { t: '1' }, properties: { a: 'x', b: { n: 3 }, c: ['yy'] } };
  expect(readPatch(type, previous, { tags: { v: '2' }, properties: { b: { secret: 's' }, c: null } })).toEqual({
    body: { tags: { t: '1', v: '2' }, properties: { a: 'x', b: { n: 3 } } },
    secrets: { 'b.secret': 's' },
  });
  const { details } = failure(() =>
    readPatch(type, previous, { properties: { a: null, b: { n: 9 }, c: ['a', 'b', 'c'] } }),
  );
  expect(details.map(({ message }) => message)).toEqual([
    'properties.a is missing; give a string',
    'properties.b.n must be at most 5',
    'properties.c must have at most 2 entries',
  ]);
});

test('what is nested without end is refused', () => {
  let nested: unknown = 1;
  for (let n = 0; n < 40; n++) nested = { a: nested };
  expect(failure(() => readPut(type, { properties: nested })).managementCode).toBe('InvalidRequestContent');
});

test('of many mistakes some are told', () => {
  const many = {
    properties: { a: 'x', c: ['', 'yy'] },
    tags: Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`${n}`, n])),
  };
  const { details } = failure(() => readPut(type, many));
  expect(details).toHaveLength(20);
  expect(details[0]!.message).toBe('tags.0 must be a string');
  expect(failure(() => readPut(type, { properties: { a: 'x', c: ['', 'yy'] } })).details[0]!.message).toBe(
    'properties.c.0 must have at least 2 characters',
  );
});
