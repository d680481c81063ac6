import { expect, test } from 'bun:test';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { AdvisoryImportError } from '../import-error.ts';
import { zipOf } from '../mirror.double.ts';
import { type ByteSource, sourceOf } from './byte-source.ts';
import { readZip, type ZipLimits } from './zip.ts';

const limits: ZipLimits = { entries: 1000, entryBytes: 1024 * 1024, bytes: 8 * 1024 * 1024 };

async function readAll(source: ByteSource, given = limits): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name, read } of readZip(source, given)) files[name] = Buffer.from(await read()).toString();
  return files;
}

const files = { 'a.json': '{"a":1}', 'b/c.json': 'x'.repeat(200_000), 'empty.json': '' };
/** Where the directory of `zipOf` begins. */
const directoryOf = (zip: Buffer) => zip.readUInt32LE(zip.length - 22 + 16);

test('files are read as they were packed, also behind a comment', async () => {
  expect(await readAll(sourceOf(zipOf(files)))).toEqual(files);
  const zip = Buffer.from(zipOf(files));
  zip.writeUInt16LE(5, zip.length - 2);
  expect(await readAll(sourceOf(Buffer.concat([zip, Buffer.from('hello')])))).toEqual(files);
});

test('a zip bomb is not unpacked: what is larger than it says, than one file or than all may be', async () => {
  const bomb = zipOf({ 'bomb.json': Buffer.alloc(4 * 1024 * 1024) });
  await expect(readAll(sourceOf(bomb))).rejects.toThrow('a file of more than 1048576 bytes');
  // It says that it is small.
  const lying = Buffer.from(bomb);
  lying.writeUInt32LE(100, directoryOf(lying) + 24);
  await expect(readAll(sourceOf(lying))).rejects.toThrow('larger than it says');
  const crowd = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`${n}.json`, Buffer.alloc(1_000_000)]));
  await expect(readAll(sourceOf(zipOf(crowd)))).rejects.toThrow('holds more than 8388608 bytes');
  const names = Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`${n}.json`, '{}']));
  await expect(readAll(sourceOf(zipOf(names)))).rejects.toThrow('more than 1000 files');
});

test('a zip bomb of files that lie upon each other is refused', async () => {
  // One file of random bytes, which hundreds of entries of the directory name.
  const content = Buffer.from(crypto.getRandomValues(new Uint8Array(20_000)));
  const one = Buffer.from(zipOf({ 'a.json': content }));
  const start = directoryOf(one);
  const entry = one.subarray(start, one.length - 22);
  const end = Buffer.from(one.subarray(one.length - 22));
  end.writeUInt16LE(400, 8);
  end.writeUInt16LE(400, 10);
  end.writeUInt32LE(entry.length * 400, 12);
  const bomb = Buffer.concat([one.subarray(0, start), ...Array.from({ length: 400 }, () => entry), end]);
  await expect(readAll(sourceOf(bomb))).rejects.toThrow('its files overlap');
});

test('a byte that was changed on the way is found, packed or not', async () => {
  const text = '{"id":"A-1","affected":[{"ranges":[{"events":[{"introduced":"0"},{"fixed":"1.2.3"}]}]}]}';
  const stored = Buffer.from(zipOf({ 'a.json': text }, { stored: true }));
  expect(await readAll(sourceOf(stored))).toEqual({ 'a.json': text });
  const at = stored.indexOf('1.2.3');
  stored.write('0', at);
  await expect(readAll(sourceOf(stored))).rejects.toThrow('an entry is damaged');
  for (const [large, wrong] of [
    [text, 0],
    ['x'.repeat(200_000), 1],
  ] as const) {
    const zip = Buffer.from(zipOf({ 'a.json': large }));
    zip.writeUInt32LE(wrong, directoryOf(zip) + 16);
    await expect(readAll(sourceOf(zip))).rejects.toThrow('an entry is damaged');
  }
});

test('what is cut off, encrypted or packed in another way says so', async () => {
  const zip = Buffer.from(zipOf(files));
  await expect(readAll(sourceOf(zip.subarray(0, zip.length - 30)))).rejects.toThrow('it has no directory at its end');
  await expect(readAll(sourceOf(Buffer.from('PK')))).rejects.toThrow('no zip');
  const encrypted = Buffer.from(zip);
  encrypted.writeUInt16LE(1, directoryOf(zip) + 8);
  await expect(readAll(sourceOf(encrypted))).rejects.toThrow('encrypted');
  const other = Buffer.from(zip);
  other.writeUInt16LE(14, directoryOf(zip) + 10);
  await expect(readAll(sourceOf(other))).rejects.toThrow('method 14');
});

test('numbers of 64 bits are read where 32 do not hold them', async () => {
  const packed = deflateRawSync('{"a":1}');
  const zip = Buffer.from(zipOf({ 'a.json': '{"a":1}' }));
  const start = directoryOf(zip);
  const extra = Buffer.alloc(4 + 24);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  extra.writeBigUInt64LE(7n, 4);
  extra.writeBigUInt64LE(BigInt(packed.length), 12);
  extra.writeBigUInt64LE(0n, 20);
  const entry = Buffer.from(zip.subarray(start, zip.length - 22));
  for (const at of [20, 24, 42]) entry.writeUInt32LE(0xffff_ffff, at);
  entry.writeUInt16LE(extra.length, 30);
  const directory = Buffer.concat([entry, extra]);
  const end64 = Buffer.alloc(56);
  end64.writeUInt32LE(0x0606_4b50, 0);
  end64.writeBigUInt64LE(1n, 32);
  end64.writeBigUInt64LE(BigInt(start), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x0706_4b50, 0);
  locator.writeBigUInt64LE(BigInt(start + directory.length), 8);
  const end = Buffer.from(zip.subarray(zip.length - 22));
  end.writeUInt16LE(0xffff, 10);
  end.writeUInt32LE(0xffff_ffff, 16);
  const whole = Buffer.concat([zip.subarray(0, start), directory, end64, locator, end]);
  expect(await readAll(sourceOf(whole))).toEqual({ 'a.json': '{"a":1}' });
});

test('whatever is forged, reading ends with files or with an error', async () => {
  const whole = zipOf(files);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 10 }),
      async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        await readAll(sourceOf(bytes)).catch((error: unknown) => expect(error).toBeInstanceOf(AdvisoryImportError));
      },
    ),
    { numRuns: Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 300), 5000) },
  );
});

test('files that follow each other are read with few calls; in another order none is read over and over', async () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`${n}.json`, `{"n":${n}}`]));
  const zip = Buffer.from(zipOf(many));
  const counted = (bytes: Buffer) => {
    const seen = { calls: 0, bytes: 0 };
    const source = sourceOf(bytes);
    const read = (position: number, length: number) => {
      seen.calls++;
      seen.bytes += length;
      return source.read(position, length);
    };
    return { seen, source: { size: source.size, read } };
  };
  const inOrder = counted(zip);
  expect(await readAll(inOrder.source)).toEqual(many);
  expect(inOrder.seen.calls).toBeLessThan(20);
  // The directory names them from both ends in turn.
  const start = directoryOf(zip);
  const starts: number[] = [];
  for (let at = start; at >= 0; at = zip.indexOf('PK\u0001\u0002', at + 1, 'latin1')) starts.push(at);
  const entries = starts.map((at, n) => zip.subarray(at, starts[n + 1] ?? zip.length - 22));
  const turned = entries.map((_, n) => entries[n % 2 === 0 ? n / 2 : entries.length - (n + 1) / 2]!);
  const odd = counted(Buffer.concat([zip.subarray(0, start), ...turned, zip.subarray(zip.length - 22)]));
  expect(await readAll(odd.source)).toEqual(many);
  expect(odd.seen.bytes).toBeLessThan(8 * zip.length + 300 * 4096);
});
