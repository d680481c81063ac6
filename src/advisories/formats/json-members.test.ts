import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { AdvisoryImportError } from '../import-error.ts';
import { readMembers } from './json-members.ts';

const limits = { memberBytes: 100_000, members: 1000, depth: 20 };

/** In pieces of a length, which may cut characters. */
async function* pieces(text: string, length: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function membersOf(text: string, length = 7, given = limits): Promise<[string, unknown][]> {
  const members: [string, unknown][] = [];
  for await (const member of readMembers(pieces(text, length), given)) members.push(member);
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
