import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { AdvisoryImportError } from '../import-error.ts';
import { readMembers } from './json-members.ts';

const limits = { memberBytes: 100_000, members: 1000, depth: 20, level: 1 };

/** In pieces of a length, which may cut characters. */
async function* pieces(text: string, length: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function membersOf(text: string, length = 7, given = limits): Promise<[string, unknown][]> {
  const members: [string, unknown][] = [];
  for await (const { keys, value } of readMembers(pieces(text, length), given)) members.push([keys.join(' > '), value]);
  return members;
}

test('the members of any object come as JSON.parse has them, however they are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 8 }),
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(undefined, 2),
      async (object, length, space) => {
        const text = JSON.stringify(object, undefined, space);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        expect(Object.fromEntries(await membersOf(text, length))).toEqual(parsed);
      },
    ),
    { numRuns: Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 300), 5000) },
  );
});

test('the members of the objects of an object come with both keys', async () => {
  const below = fc.dictionary(fc.string(), fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 }), {
    maxKeys: 5,
  });
  await fc.assert(
    fc.asyncProperty(
      below,
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(undefined, 2),
      async (object, length, space) => {
        const text = JSON.stringify(object, undefined, space);
        const parsed = JSON.parse(text) as Record<string, Record<string, unknown>>;
        const expected = Object.entries(parsed).flatMap(([key, inner]) =>
          Object.entries(inner).map(([name, value]): [string, unknown] => [`${key} > ${name}`, value]),
        );
        expect(await membersOf(text, length, { ...limits, level: 2 })).toEqual(expected);
      },
    ),
    { numRuns: Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 300), 5000) },
  );
  for (const text of ['{"a":1}', '{"a":[1]}', '{"a":{"b":1},"c":2}', '{"a":{"b":1} 7}', '{"a":{"b":1}'])
    await expect(membersOf(text, 7, { ...limits, level: 2 })).rejects.toThrow(AdvisoryImportError);
});

test('what is no object, malformed, or cut off is an error', async () => {
  for (const text of [
    '',
    '[]',
    '7',
    '"a"',
    '{',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1}{"b":2}',
    '{"a" 1}',
    '{,}',
    '}',
    '{"a":[}',
  ]) {
    await expect(membersOf(text)).rejects.toThrow(AdvisoryImportError);
  }
});

test('a text of any size is read within bounds: of one member, of their number, of depth', async () => {
  await expect(membersOf(`{"a":"${'x'.repeat(100_001)}"}`, 1000)).rejects.toThrow('a part of more than 100000 bytes');
  await expect(membersOf(`{"a":${'['.repeat(1_000_000)}`, 10_000)).rejects.toThrow('nested deeper than 20 levels');
  const many = Array.from({ length: 1001 }, (_, n) => `"${n}":1`).join(',');
  await expect(membersOf(`{${many}}`, 1000)).rejects.toThrow('more than 1000 parts');
});
