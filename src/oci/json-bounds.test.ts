import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { processorMs } from '../../test/support/processor.ts';
import { jsonShape, maxJsonDepth, maxJsonKeys } from './json-bounds.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 2_000);
const timeout = 5_000 + numRuns;

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function keysOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, inner) => sum + keysOf(inner), own);
}

const json = fc.jsonValue({ maxDepth: 8, stringUnit: fc.constantFrom(...'{}[]":,\\ a\n\u2028é') });

describe('the shape of JSON', () => {
  test(
    'is its depth and its number of keys, whatever its strings hold, and no key comes twice',
    () => {
      const check = (value: unknown, space: number) => {
        expect(jsonShape(JSON.stringify(value, undefined, space))).toEqual({
          depth: depthOf(value),
          keys: keysOf(value),
          repeatedKey: undefined,
        });
      };
      fc.assert(fc.property(json, fc.nat(2), check), { numRuns });
    },
    timeout,
  );

  test(
    'a key that comes twice in one object is found, however deep and however it is written',
    () => {
      const key = fc.string({ unit: fc.constantFrom(...'{}[]":,\\ab\né'), maxLength: 5 });
      const check = (name: string, before: unknown, after: unknown, spelling: (key: string) => string) => {
        const text = `{ "x": [1, {${JSON.stringify(name)}:${JSON.stringify(before)},"other" : {"deep":2} ,\t${spelling(name)} :${JSON.stringify(after)}}]}`;
        expect(JSON.parse(text)).toBeDefined();
        if (name === 'other' || name === 'x') return;
        expect(jsonShape(text).repeatedKey).toBe(name);
      };
      const escaped = (text: string) =>
        `"${[...text].map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
      fc.assert(fc.property(key, json, json, fc.constantFrom(escaped, JSON.stringify), check), { numRuns });
    },
    timeout,
  );

  test('the same key in two objects is no repetition, nor is a value that equals a key', () => {
    expect(jsonShape('[{"a":1},{"a":{"a":"a"},"b":"a"}]').repeatedKey).toBeUndefined();
    expect(jsonShape('{"a":["a","a"],"b":"a"}').repeatedKey).toBeUndefined();
    expect(jsonShape('{"__proto__":1,"__proto__":2}').repeatedKey).toBe('__proto__');
  });

  test(
    'malformed text gives some shape and never throws',
    () => {
      const text = fc.oneof(
        fc.string({ unit: fc.constantFrom(...'{}[]":,\\a1 '), maxLength: 60 }),
        fc.string({ unit: 'binary' }),
      );
      fc.assert(
        fc.property(text, (malformed) => expect(jsonShape(malformed).depth).toBeWithin(0, maxJsonDepth + 2)),
        { numRuns },
      );
    },
    timeout,
  );

  test('keys are counted as far as it matters, wherever they are', () => {
    const object = (keys: number) => Object.fromEntries(Array.from({ length: keys }, (_, at) => [`${at}`, 0]));
    for (const text of [JSON.stringify(object(maxJsonKeys)), JSON.stringify([object(60_000), { a: object(39_999) }])]) {
      expect(jsonShape(text).keys).toBe(maxJsonKeys);
      expect(jsonShape(text.replace('"0"', '"a":0,"b":0,"0"')).keys).toBe(maxJsonKeys + 1);
    }
  });

  test('a depth bomb of 4 MiB is seen at once', () => {
    const needed = processorMs(() => {
      for (const bomb of ['['.repeat(4_194_304), '{"a":'.repeat(838_860)])
        expect(jsonShape(bomb).depth).toBe(maxJsonDepth + 1);
      expect(jsonShape(`"${'\\'.repeat(4_194_304)}`).depth).toBe(0);
    });
    expect(needed).toBeLessThan(500);
  });
});
