import { describe, expect, test } from 'bun:test';
import { mkdir, mkdtemp, rm, symlink, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { archiveOf, type DoubleEntry, entryBytes, headerBlock, inPieces, octal, withPax } from '../archive.double.ts';
import { defaultLayerLimits } from '../limits.ts';
import { byteSource } from '../unpack/byte-source.ts';
import { createWarnings } from '../warnings.ts';
import { readArchive } from './archive.ts';

interface Seen {
  name: string;
  kind: string;
  size: number;
  text?: string | undefined;
  link?: string;
}

async function read(bytes: Uint8Array, options: { contents?: boolean; limits?: object; piece?: number } = {}) {
  const { contents = true, limits, piece } = options;
  const warnings = createWarnings(100);
  const seen: Seen[] = [];
  const source = byteSource(inPieces(bytes, piece));
  for await (const entry of readArchive(source, { ...defaultLayerLimits, ...limits }, warnings.add)) {
    const { name, kind, size, linkName, content } = entry;
    const small = Math.max(size, content.packedBytes) < 2 ** 24;
    const whole = contents && small && kind === 'file' ? await content.whole() : undefined;
    seen.push({
      name,
      kind,
      size,
      ...(whole && { text: Buffer.from(whole).toString('latin1') }),
      ...(linkName !== '' && { link: linkName }),
    });
  }
  return { seen, codes: warnings.list.map(({ code }) => code) };
}

/** A number in GNU's base-256. */
function base256(value: number, width: number): Buffer {
  const field = Buffer.alloc(width);
  field.writeUIntBE(value, width - 6, 6);
  field[0] = 0x80;
  return field;
}

describe('an archive that tar has written is read in its format', () => {
  const long = `${'d'.repeat(60)}/${'e'.repeat(60)}/${'f'.repeat(60)}`;
  for (const format of ['v7', 'oldgnu', 'gnu', 'ustar', 'pax']) {
    test(format, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'bonded-tar-'));
      try {
        const deep = format === 'v7' ? 'short' : long;
        await mkdir(join(directory, deep), { recursive: true });
        await writeFile(join(directory, deep, 'file'), 'content');
        await writeFile(join(directory, 'empty'), '');
        await symlink(`${deep}/file`, join(directory, 'link'));
        const command = ['tar', '-c', `--format=${format}`, '--sort=name', '-C', directory];
        const { stdout, exitCode } = Bun.spawnSync([
          ...command,
          deep,
          'empty',
          ...(format === 'ustar' ? [] : ['link']),
        ]);
        expect(exitCode).toBe(0);
        const { seen, codes } = await read(stdout);
        expect(codes).toEqual([]);
        expect(seen.filter(({ kind }) => kind === 'directory').map(({ name }) => name)).toEqual([`${deep}/`]);
        expect(seen.filter(({ kind }) => kind === 'file')).toEqual([
          { name: `${deep}/file`, kind: 'file', size: 7, text: 'content' },
          { name: 'empty', kind: 'file', size: 0, text: '' },
        ]);
        if (format !== 'ustar') {
          expect(seen.at(-1)).toEqual({ name: 'link', kind: 'symlink', size: 0, link: `${deep}/file` });
        }
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  }

  for (const sparse of ['gnu', 'pax --sparse-version=0.0', 'pax --sparse-version=0.1', 'pax --sparse-version=1.0']) {
    test(`with holes: ${sparse}`, async () => {
      const directory = await mkdtemp(join(tmpdir(), 'bonded-tar-'));
      try {
        // Enough parts that their map goes on in further blocks.
        const content = Buffer.alloc(60 * 65_536);
        const file = await open(join(directory, 'holes'), 'w');
        for (let at = 1; at < 60; at += 2) {
          content.write(`part ${at}`, at * 65_536);
          await file.write(`part ${at}`, at * 65_536);
        }
        await file.truncate(content.length);
        await file.close();
        await writeFile(join(directory, 'behind'), 'behind');
        const words = `--format=${sparse}`.split(' ');
        const hole = ['--sparse', '--hole-detection=raw'];
        const { stdout, exitCode } = Bun.spawnSync([
          'tar',
          '-c',
          ...words,
          ...hole,
          '-C',
          directory,
          'holes',
          'behind',
        ]);
        expect(exitCode).toBe(0);
        expect(stdout.length).toBeLessThan(content.length);
        const { seen, codes } = await read(stdout, { piece: 7000 });
        expect(codes).toEqual([]);
        expect(seen.map(({ name, size }) => [name, size])).toEqual([
          ['holes', content.length],
          ['behind', 6],
        ]);
        expect(seen[0]!.text === content.toString('latin1')).toBe(true);
        // What nobody reads is passed over by as much as there is of it.
        const passed = await read(stdout, { contents: false });
        expect(passed.seen.map(({ name, size }) => [name, size])).toEqual(seen.map(({ name, size }) => [name, size]));
      } finally {
        await rm(directory, { recursive: true });
      }
    });
  }
});

test('records of PAX replace name, link and size, and an empty one replaces none', async () => {
  const entries = [
    withPax({ path: 'ä/long', linkpath: 'to' }, { name: 'short', type: '2', link: 'from' }),
    withPax({ path: '' }, { name: 'kept', content: 'x' }),
    withPax({ size: '3' }, { name: 'three', content: 'abc', size: 0 }),
    { name: 'last', content: 'y' },
  ];
  const { seen, codes } = await read(archiveOf(entries));
  expect(codes).toEqual([]);
  expect(seen).toEqual([
    { name: 'ä/long', kind: 'symlink', size: 0, link: 'to' },
    { name: 'kept', kind: 'file', size: 1, text: 'x' },
    { name: 'three', kind: 'file', size: 3, text: 'abc' },
    { name: 'last', kind: 'file', size: 1, text: 'y' },
  ]);
});

test('a global header of PAX says nothing of what follows, as no container engine has it', async () => {
  const { seen } = await read(archiveOf([withPax({ path: 'elsewhere', size: '0' }, { name: 'a', content: 'x' }, 'g')]));
  expect(seen).toEqual([{ name: 'a', kind: 'file', size: 1, text: 'x' }]);
});

test('long names and links of GNU are whole', async () => {
  const name = 'n'.repeat(300);
  const entries = [
    entryBytes({ name: '././@LongLink', type: 'L', content: `${name}\0` }),
    entryBytes({ name: '././@LongLink', type: 'K', content: `${name}x\0` }),
    { name: 'n', type: '2', link: 'n' },
  ];
  expect((await read(archiveOf(entries))).seen).toEqual([{ name, kind: 'symlink', size: 0, link: `${name}x` }]);
});

test('numbers in base-256 are read, and negative ones are none', async () => {
  const large = headerBlock({ name: 'a', content: 'abc' }, (block) => base256(3, 12).copy(block, 124));
  const body = Buffer.concat([Buffer.from('abc'), Buffer.alloc(509)]);
  expect((await read(archiveOf([Buffer.concat([large, body])]))).seen[0]).toMatchObject({ size: 3, text: 'abc' });
  const negative = headerBlock({ name: 'a' }, (block) => Buffer.alloc(12, 0xff).copy(block, 124));
  expect(await read(archiveOf([{ name: 'first' }, negative]))).toMatchObject({ codes: ['damaged-archive'] });
});

test('links, directories and devices have no content, whatever their size says', async () => {
  const entries: DoubleEntry[] = ['1', '2', '3', '4', '5', '6'].map((type) => ({
    name: 'n',
    type,
    size: 4096,
    link: 'l',
  }));
  const { seen, codes } = await read(archiveOf([...entries, { name: 'last', content: 'z' }]));
  expect(codes).toEqual([]);
  expect(seen.map(({ kind }) => kind)).toEqual([
    'hard-link',
    'symlink',
    'other',
    'other',
    'directory',
    'other',
    'file',
  ]);
});

test('what is no header ends the archive with a warning, and what came before stays', async () => {
  const damaged = headerBlock({ name: 'b' });
  damaged[0] = 0x63;
  expect(await read(archiveOf([{ name: 'a' }, damaged, { name: 'c' }]))).toMatchObject({
    seen: [{ name: 'a' }],
    codes: ['damaged-archive'],
  });
  expect((await read(Buffer.from('x'.repeat(2000)))).codes).toEqual(['not-an-archive']);
  expect(
    (await read(Buffer.concat([entryBytes({ name: 'a' }), Buffer.alloc(512), entryBytes({ name: 'b' })]))).codes,
  ).toEqual(['damaged-archive']);
});

test('an archive without its end is whole', async () => {
  const bytes = entryBytes({ name: 'a', content: 'x' });
  expect(await read(bytes)).toMatchObject({ seen: [{ text: 'x' }], codes: [] });
  // The padding of the last file belongs to the end.
  expect(await read(bytes.subarray(0, 513))).toMatchObject({ seen: [{ text: 'x' }], codes: [] });
});

test('records that are none, and a path with NUL, end the archive', async () => {
  for (const content of [
    'x',
    '5 a=b',
    '99 a=b\n',
    '6 ab\n',
    '13 path=\u0000bcd\n',
    '13 size=-1234\n',
    '1e1 path=a\n',
  ]) {
    const entries = [entryBytes({ name: 'p', type: 'x', content }), { name: 'a' }];
    expect(await read(archiveOf(entries))).toMatchObject({ seen: [], codes: ['damaged-archive'] });
  }
});

const name = fc
  .string({ unit: fc.constantFrom('a', 'b', 'ü', '.', '/', ' ', '-'), minLength: 1, maxLength: 40 })
  .filter((text) => !text.endsWith('/'));
const entry = fc.record({ name, content: fc.uint8Array({ maxLength: 1500 }) });

test('property: what was written is read, however it is cut into pieces', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 8 }), fc.integer({ min: 1, max: 3000 }), async (entries, piece) => {
      const { seen, codes } = await read(archiveOf(entries), { piece });
      expect(codes).toEqual([]);
      expect(seen.map((one) => [one.name, one.text])).toEqual(
        entries.map((one) => [one.name, Buffer.from(one.content).toString('latin1')]),
      );
    }),
    { numRuns: 100 },
  );
});

test('property: an archive that ends early gives what came before, and says so inside of an entry', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(entry, { minLength: 1, maxLength: 5 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (entries, part) => {
        const whole = Buffer.concat(entries.map(entryBytes));
        const cut = whole.subarray(0, Math.floor(whole.length * part));
        const { seen, codes } = await read(cut);
        const names = entries.map((one) => one.name);
        expect(seen.map((one) => one.name)).toEqual(names.slice(0, seen.length));
        // Whatever is missing of a content is told of.
        const complete = seen.every((one, at) => one.text === Buffer.from(entries[at]!.content).toString('latin1'));
        if (!complete || cut.length % 512 !== 0) expect(codes.length + Number(complete)).toBeGreaterThan(0);
        if (!complete) expect(codes).toEqual(['truncated-archive']);
      },
    ),
    { numRuns: 200 },
  );
});

test('property: any bytes, and any change of an archive, end with what was read and at most one warning', async () => {
  const good = archiveOf([
    withPax(
      { path: 'p', 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' },
      { name: 'a', content: '1\n0\n3\n' },
    ),
    { name: 'b', content: 'xyz' },
    headerBlock({ name: 's', type: 'S', magic: 'ustar  \0' }, (block) => block.write(octal(0, 12), 483)),
  ]);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 20 }),
      fc.boolean(),
      async (changes, sound) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        // With sums that are right, what they are of is looked at.
        if (sound) for (let at = 0; at < bytes.length; at += 512) resum(bytes.subarray(at, at + 512));
        const { codes } = await read(bytes, { limits: { entries: 50 } });
        expect(codes.length).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 300 },
  );
});

function resum(block: Buffer): void {
  if (block.every((byte) => byte === 0)) return;
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 7)} `, 148, 'latin1');
}
