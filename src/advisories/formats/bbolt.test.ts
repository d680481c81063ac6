import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { AdvisoryImportError } from '../import-error.ts';
import { type Bucket, openBolt } from './bbolt.ts';
import { boltOf, type BoltTree } from './bolt.double.ts';
import { sourceOf } from './byte-source.ts';

async function treeOf(bucket: Bucket): Promise<BoltTree> {
  const tree: BoltTree = {};
  for await (const entry of bucket.entries())
    tree[entry.key] = entry.bucket ? await treeOf(entry.bucket) : Buffer.from(entry.value).toString();
  return tree;
}

const many = Object.fromEntries(
  Array.from({ length: 5000 }, (_, n) => [`key-${String(n).padStart(6, '0')}`, `value ${n} `.repeat(5)]),
);
const tree: BoltTree = {
  small: { a: '1', b: '' },
  many,
  deep: { deeper: { deepest: { x: 'y' } } },
  large: { one: 'x'.repeat(20_000) },
};

test('all keys of all buckets are read: inline, under branches, and over several pages', async () => {
  expect(await treeOf(await openBolt(sourceOf(boltOf(tree))))).toEqual(tree);
});

test('a key is found without reading the rest, and what is not there is not', async () => {
  const bytes = boltOf(tree);
  const reads: number[] = [];
  const source = sourceOf(bytes);
  const counted = {
    ...source,
    read: (position: number, length: number) => (reads.push(length), source.read(position, length)),
  };
  const bucket = (await (await openBolt(counted)).bucket('many'))!;
  reads.length = 0;
  for (const n of [0, 1, 2500, 4999]) {
    const value = await bucket.get(`key-${String(n).padStart(6, '0')}`);
    expect(Buffer.from(value!).toString()).toBe(`value ${n} `.repeat(5));
  }
  expect(reads.reduce((sum, length) => sum + length, 0)).toBeLessThan(100_000);
  for (const missing of ['', 'a', 'key-000001x', 'z']) expect(await bucket.get(missing)).toBeUndefined();
  expect(await (await openBolt(counted)).bucket('missing')).toBeUndefined();
});

test('of two states the later one that is whole counts', async () => {
  const bytes = Buffer.from(boltOf(tree));
  bytes[40] = bytes[40]! ^ 0xff;
  expect(await treeOf(await openBolt(sourceOf(bytes)))).toEqual(tree);
  bytes[4096 + 40] = bytes[4096 + 40]! ^ 0xff;
  await expect(openBolt(sourceOf(bytes))).rejects.toThrow('no bbolt database');
});

test('pages that lead to each other, and behind the end, are an error', async () => {
  const bytes = Buffer.from(boltOf({ many }));
  // Every branch leads to itself.
  for (let at = 8192; at < bytes.length; at += 4096) {
    if (bytes.readUInt16LE(at + 8) !== 1) continue;
    for (let n = 0; n < bytes.readUInt16LE(at + 10); n++)
      bytes.writeBigUInt64LE(BigInt(at / 4096), at + 16 + n * 16 + 8);
  }
  await expect(openBolt(sourceOf(bytes)).then(treeOf)).rejects.toThrow(AdvisoryImportError);
  const bucket = await openBolt(sourceOf(bytes)).then((root) => root.bucket('many'));
  await expect(bucket!.get('key-000001')).rejects.toThrow('too many levels');
});

test('a page of megabytes is not read for each of a million keys', async () => {
  const bytes = boltOf({ vulnerability: { a: 'x'.repeat(1024 * 1024) } }, { inlineBytes: 0 });
  const source = sourceOf(bytes);
  let read = 0;
  const counted = { ...source, read: (at: number, length: number) => ((read += length), source.read(at, length)) };
  const bucket = (await (await openBolt(counted)).bucket('vulnerability'))!;
  const lookUps = async () => {
    for (let n = 0; n < 1000; n++) await bucket.get('a');
  };
  await expect(lookUps()).rejects.toThrow('read again and again');
  expect(read).toBeLessThan(300 * bytes.length);
});

test('whatever is forged, reading ends with what is there or with an error', async () => {
  const whole = boltOf({ many: Object.fromEntries(Object.entries(many).slice(0, 300)), small: { a: '1' } });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 }),
      fc.option(fc.nat(whole.length), { nil: undefined }),
      async (changes, length) => {
        const bytes = Buffer.from(whole.slice(0, length));
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        await openBolt(sourceOf(bytes))
          .then(treeOf)
          .catch((error: unknown) => expect(error).toBeInstanceOf(AdvisoryImportError));
      },
    ),
    { numRuns: Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 200), 2000) },
  );
});
