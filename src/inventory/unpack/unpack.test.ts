import { describe, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { archiveOf, inPieces } from '../archive.double.ts';
import { defaultLayerLimits, type LayerLimits } from '../limits.ts';
import { createWarnings } from '../warnings.ts';
import { unpack } from './unpack.ts';

const text = Buffer.from('some text, and more of it '.repeat(30_000));
const skipped = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

async function unpacked(bytes: Uint8Array, options: { piece?: number; limits?: Partial<LayerLimits> } = {}) {
  const warnings = createWarnings(10);
  const limits = { ...defaultLayerLimits, ...options.limits };
  const pieces: Uint8Array[] = [];
  for await (const piece of unpack(inPieces(bytes, options.piece ?? 5000), limits, warnings.add)) {
    pieces.push(piece.slice());
  }
  return { bytes: Buffer.concat(pieces), codes: warnings.list.map(({ code }) => code) };
}

describe('is unpacked, whatever its media type says', () => {
  const cases: Record<string, Uint8Array> = {
    gzip: gzipSync(text),
    'gzip with a name, a comment, more fields and a checksum of its header': named(text),
    'gzip in several members': Buffer.concat([gzipSync(text.subarray(0, 999)), gzipSync(text.subarray(999))]),
    'gzip in a thousand members, as eStargz has them': Buffer.concat(split(text, 1000).map((part) => gzipSync(part))),
    'gzip with something behind it': Buffer.concat([gzipSync(text), Buffer.alloc(10_000, 'garbage')]),
    'gzip with zeros behind it': Buffer.concat([gzipSync(text), Buffer.alloc(10_000)]),
    zstd: zstdCompressSync(text),
    'zstd in several frames, with some to be skipped': Buffer.concat([
      skipped,
      zstdCompressSync(text.subarray(0, 999)),
      skipped,
      zstdCompressSync(text.subarray(999)),
      skipped,
    ]),
    nothing: text,
  };
  for (const [name, bytes] of Object.entries(cases)) {
    test(name, async () => {
      for (const piece of [7, 5000, bytes.length]) {
        const result = await unpacked(bytes, { piece });
        expect(result.codes).toEqual([]);
        expect(result.bytes.equals(text)).toBe(true);
      }
    });
  }

  test('a layer of some hundred bytes that has something behind it', async () => {
    const bytes = Buffer.concat([gzipSync('short'), Buffer.from('garbage')]);
    expect(await unpacked(bytes)).toMatchObject({ bytes: Buffer.from('short'), codes: [] });
  });
});

test('another compression is named, and nothing of it is read', async () => {
  for (const magic of ['fd377a585a00', '425a683931', '04224d18']) {
    const result = await unpacked(Buffer.from(`${magic}00112233`, 'hex'));
    expect(result).toMatchObject({ bytes: Buffer.alloc(0), codes: ['unknown-compression'] });
  }
});

test('the first name of a plain archive may begin as another compression does', async () => {
  const archive = archiveOf([{ name: 'BZh9' }]);
  const { bytes, codes } = await unpacked(archive);
  expect([bytes.equals(archive), codes]).toEqual([true, []]);
});

test('what is damaged or ends early gives what came before, and a warning', async () => {
  const packed = gzipSync(text);
  const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 7919) >> 8));
  const early = await unpacked(gzipSync(noise).subarray(0, -1000));
  expect(early.codes).toEqual(['damaged-compression']);
  expect(early.bytes.length).toBeGreaterThan(0);
  const damaged = Buffer.from(packed);
  damaged.fill(0xff, 20);
  expect((await unpacked(damaged)).codes).toEqual(['damaged-compression']);
  expect((await unpacked(Buffer.from('1f8b00000000', 'hex'))).codes).toEqual(['damaged-compression']);
});

test('an empty layer is empty', async () => {
  expect(await unpacked(new Uint8Array(0))).toEqual({ bytes: Buffer.alloc(0), codes: [] });
});

test('what goes wrong with the bytes as they come is thrown, and no warning', async () => {
  async function* failing() {
    yield gzipSync(text).subarray(0, 100);
    throw new Error('the disk is gone');
  }
  const warnings = createWarnings(10);
  const all = Array.fromAsync(unpack(failing(), defaultLayerLimits, warnings.add));
  await expect(all).rejects.toThrow('the disk is gone');
  expect(warnings.list).toEqual([]);
});

test('property: any bytes behind the magic of a compression end, with a warning or without', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('1f8b08', '28b52ffd', '502a4d18'),
      fc.uint8Array({ maxLength: 300 }),
      async (magic, rest) => {
        const { codes } = await unpacked(Buffer.concat([Buffer.from(magic, 'hex'), rest]));
        expect(codes.filter((code) => code !== 'damaged-compression')).toEqual([]);
      },
    ),
    { numRuns: 100 },
  );
});

/** A member with every optional field of RFC 1952. */
function named(content: Buffer): Buffer {
  const plain = gzipSync(content);
  const header = Buffer.from(plain.subarray(0, 10));
  header[3] = 0x1e;
  const extra = Buffer.from([5, 0, 1, 2, 3, 4, 5]);
  return Buffer.concat([header, extra, Buffer.from('name\0comment\0'), Buffer.from([9, 9]), plain.subarray(10)]);
}

function split(bytes: Buffer, count: number): Buffer[] {
  const length = Math.ceil(bytes.length / count);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * length, (at + 1) * length));
}
