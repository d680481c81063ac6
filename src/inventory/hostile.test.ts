import { describe, expect, test } from 'bun:test';
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import {
  archiveOf,
  codesOf,
  dpkgStatus,
  type DoubleEntry,
  entryBytes,
  foundIn,
  headerBlock,
  inPieces,
  paxRecord,
  readEntries,
  withPax,
} from './archive.double.ts';
import { type LayerLimits, readLayer } from './index.ts';

const mib = 1024 * 1024;
const status = { name: 'var/lib/dpkg/status', content: dpkgStatus({ bash: '5.2-1' }) };
const found = ['var/lib/dpkg/status: bash 5.2-1'];

function limited(limits: Partial<LayerLimits>) {
  return { limits };
}

/** An archive whose second file never ends, packed; the first is a database. */
function bomb(pack: (bytes: Buffer) => Buffer, mebibytes: number): Buffer {
  const endless = headerBlock({ name: 'endless', size: 2 ** 32 });
  return pack(Buffer.concat([entryBytes(status), endless, Buffer.alloc(mebibytes * mib)]));
}

describe('lesson 59: decompression bombs', () => {
  for (const [name, pack] of Object.entries({ gzip: gzipSync, zstd: zstdCompressSync })) {
    test(`${name}: a layer of a thousand times its size is read up to the ratio`, async () => {
      const bytes = bomb(pack, 64);
      expect(bytes.length).toBeLessThan(mib / 10);
      const layer = await readLayer(inPieces(bytes), limited({ freeBytes: 4 * mib, ratio: 100 }));
      expect(codesOf(layer)).toEqual(['too-high-ratio', 'truncated-archive']);
      expect(foundIn(layer)).toEqual(found);
      expect(layer.bytes).toBeLessThan(16 * mib);
    });

    test(`${name}: a layer beyond the absolute limit is read up to it`, async () => {
      const layer = await readLayer(inPieces(bomb(pack, 64)), limited({ unpackedBytes: 8 * mib }));
      expect(codesOf(layer)).toEqual(['too-many-bytes', 'truncated-archive']);
      expect(layer.bytes).toBeLessThanOrEqual(8 * mib);
    });
  }

  test('nested: what is inside is not unpacked again', async () => {
    const nested = gzipSync(gzipSync(Buffer.alloc(64 * mib)));
    const layer = await readLayer(inPieces(nested));
    expect(codesOf(layer)).toEqual(['not-an-archive']);
    const inside = await readEntries([{ name: 'layer.tar.gz', content: nested }, status]);
    expect(foundIn(inside)).toEqual(found);
    expect(inside.bytes).toBeLessThan(mib);
  });

  test('a hundred thousand members of gzip are no more than their bytes', async () => {
    const empty = gzipSync('');
    const members = Buffer.concat(Array.from({ length: 100_000 }, () => empty));
    const layer = await readLayer(inPieces(Buffer.concat([members, gzipSync(archiveOf([status]))]), 65_536));
    expect(foundIn(layer)).toEqual(found);
  });
});

describe('lesson 59: a million files', () => {
  test('are counted, and hide what they hide, in bounded space', async () => {
    // To make each of them takes longer than to read it.
    const some = Buffer.concat(
      Array.from({ length: 10_000 }, (_, i) => headerBlock({ name: `directory/of/files/${i}` })),
    );
    async function* million() {
      yield entryBytes(status);
      for (let at = 0; at < 100; at++) yield some;
    }
    const layer = await readLayer(million());
    expect(layer).toMatchObject({ entries: 1_000_001, warnings: [] });
    expect(foundIn(layer)).toEqual(found);
    expect(layer.hides.length).toBeLessThan(11 * mib);
  });

  test('more entries than the limit are left out', async () => {
    const entries = Array.from({ length: 20 }, (_, i) => ({ name: `f${i}` }));
    const layer = await readEntries([status, ...entries], limited({ entries: 10 }));
    expect(layer.entries).toBe(10);
    expect(codesOf(layer)).toEqual(['too-many-entries']);
    expect(foundIn(layer)).toEqual(found);
  });

  test('more findings than the limits are left out, file by file and package by package', async () => {
    const many = dpkgStatus(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`p${i}`, '1'])));
    const packages = await readEntries([{ ...status, content: many }], limited({ filePackages: 10 }));
    expect(packages.files[0]!.packages).toHaveLength(10);
    expect(codesOf(packages)).toEqual(['too-many-findings']);
    const files = Array.from({ length: 5 }, (_, i) => ({
      name: `var/lib/dpkg/status.d/${i}`,
      content: 'Package: a\nVersion: 1\n',
    }));
    const bounded = await readEntries(files, limited({ files: 3 }));
    expect(bounded.files).toHaveLength(3);
    expect(codesOf(bounded)).toEqual(['too-many-findings', 'too-many-findings']);
    const text = await readEntries([{ ...status, content: many }], limited({ textLength: 2000 }));
    expect(JSON.stringify(text).length).toBeLessThan(3000);
    expect(codesOf(text)).toEqual(['too-many-findings']);
  });
});

describe('path tricks', () => {
  test('a path that leads upward is refused with a warning', async () => {
    for (const name of ['../var/lib/dpkg/status', 'a/../var/lib/dpkg/status', '/..', 'var/lib/dpkg/..']) {
      const layer = await readEntries([{ ...status, name }]);
      expect(foundIn(layer)).toEqual([]);
      expect(layer.warnings).toEqual([{ code: 'unsafe-path', path: name }]);
    }
    // A name that only begins so is one.
    expect(codesOf(await readEntries([{ name: '..a/b..' }]))).toEqual([]);
  });

  test('a path that is too long or too deep is refused with a warning, which is not as long', async () => {
    const long = 'a'.repeat(5000);
    const deep = 'a/'.repeat(300);
    const layer = await readEntries([
      withPax({ path: long }, { name: 'a' }),
      withPax({ path: `${deep}b` }, { name: 'b' }),
      status,
    ]);
    expect(codesOf(layer)).toEqual(['long-path', 'long-path']);
    expect(JSON.stringify(layer.warnings).length).toBeLessThan(1000);
    expect(foundIn(layer)).toEqual(found);
  });

  test('paths of nothing, of the root, and with control characters are data', async () => {
    const names = ['', '/', './', '.', '\u001b[31m', 'a\nb', 'a\\b', '�'];
    const layer = await readEntries([...names.map((name) => ({ name })), status]);
    expect(layer.warnings).toEqual([]);
    expect(foundIn(layer)).toEqual(found);
  });

  test('a million refusals are a hundred warnings', async () => {
    const entries: DoubleEntry[] = Array.from({ length: 1000 }, (_, i) => ({ name: `../${i}` }));
    const layer = await readEntries(entries);
    expect(layer.warnings).toHaveLength(101);
    expect(layer.warnings.at(-1)).toEqual({ code: 'more-warnings' });
  });
});

describe('tricks with links', () => {
  test('a symlink of a database is not followed, and is a warning', async () => {
    for (const link of ['/etc/shadow', '../../../../etc/passwd', 'status-new', '']) {
      const layer = await readEntries([{ name: status.name, type: '2', link }]);
      expect(foundIn(layer)).toEqual([]);
      expect(codesOf(layer)).toEqual(['unread-link']);
    }
  });

  test('a hundred thousand links to what has findings are bounded like those', async () => {
    const content = dpkgStatus(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`p${i}`, '1'])));
    const links = Array.from({ length: 1000 }, (_, i) => ({
      name: `var/lib/dpkg/status.d/${i}`,
      type: '1',
      link: status.name,
    }));
    const layer = await readEntries([{ ...status, content }, ...links], limited({ textLength: mib }));
    expect(codesOf(layer)).toContain('too-many-findings');
    expect(JSON.stringify(layer).length).toBeLessThan(2 * mib);
  });

  test('directories that are replaced a million times, beside many findings, end with a warning', async () => {
    const files = Array.from({ length: 2000 }, (_, i) => ({
      name: `var/lib/dpkg/status.d/${i}`,
      content: 'Package: a\nVersion: 1\n',
    }));
    const again = Array.from({ length: 6000 }, () => [
      entryBytes({ name: 'd/node_modules/a/package.json', content: '{"name": "a", "version": "1.0.0"}' }),
      headerBlock({ name: 'd', type: '2' }),
    ]).flat();
    const layer = await readEntries([...files, ...again]);
    expect(codesOf(layer)).toContain('damaged-archive');
  });

  test('files below a symlink are files of that path, and a symlink takes away what was below it', async () => {
    const link = { name: 'var/lib/dpkg', type: '2', link: '/tmp' };
    expect(foundIn(await readEntries([link, status]))).toEqual(found);
    expect(foundIn(await readEntries([status, link]))).toEqual([]);
  });

  test('hard links to themselves, in circles and out of the image are warnings', async () => {
    for (const link of [status.name, '../../outside', '', '/etc/passwd']) {
      const layer = await readEntries([{ name: status.name, type: '1', link }]);
      expect(codesOf(layer)).toEqual(['unread-link']);
    }
  });
});

describe('lying sizes', () => {
  test('a size beyond what is there is a truncated archive, and takes no memory', async () => {
    const lying = headerBlock({ name: 'var/lib/dpkg/status', size: 8 ** 11 - 1 });
    const layer = await readLayer(inPieces(lying));
    expect(codesOf(layer)).toEqual(['large-file', 'truncated-archive']);
    const small = headerBlock({ name: 'var/lib/dpkg/status', size: 60 * mib });
    expect(codesOf(await readLayer(inPieces(Buffer.concat([small, Buffer.from(status.content)]))))).toEqual([
      'truncated-archive',
    ]);
  });

  test('a size of PAX is the one that engines take', async () => {
    const layer = await readEntries([
      withPax({ size: `${status.content.length}` }, { ...status, size: 0 }),
      { name: 'x' },
    ]);
    expect(foundIn(layer)).toEqual(found);
    expect(layer.entries).toBe(2);
  });

  test('a file with holes of a petabyte is not filled', async () => {
    const records = { 'GNU.sparse.map': '0,1', 'GNU.sparse.size': `${2 ** 50}` };
    for (const name of [status.name, 'usr/bin/program']) {
      const file = withPax(
        { ...records, 'GNU.sparse.name': name },
        { name: 'x', content: 'y', mode: name === status.name ? 0o644 : 0o755 },
      );
      const layer = await readEntries([file, { name: 'z' }]);
      expect(codesOf(layer)).toEqual(['large-file']);
      expect(layer.entries).toBe(2);
    }
  });

  test('a file of more than its reader takes is a warning, and the next one is read', async () => {
    const layer = await readEntries([{ name: 'etc/os-release', content: 'ID=x\n'.repeat(100_000) }, status]);
    expect(codesOf(layer)).toEqual(['large-file']);
    expect(foundIn(layer)).toEqual(found);
  });

  test('files that are read are bounded together', async () => {
    const files = Array.from({ length: 5 }, (_, i) => ({
      name: `var/lib/dpkg/status.d/${i}`,
      content: `Package: a\nVersion: ${i}\n\n`,
    }));
    const layer = await readEntries(files, limited({ collectedBytes: 60 }));
    expect(layer.files).toHaveLength(2);
    expect(codesOf(layer)).toEqual(['too-many-collected', 'too-many-collected', 'too-many-collected']);
  });
});

describe('endless headers', () => {
  test('a PAX header of more than a mebibyte ends the archive', async () => {
    const huge = entryBytes({ name: 'x', type: 'x', content: paxRecord('comment', 'y'.repeat(2 * mib)) });
    const layer = await readEntries([status, huge, { name: 'a' }]);
    expect(codesOf(layer)).toEqual(['large-header']);
    expect(foundIn(layer)).toEqual(found);
  });

  test('headers that only describe others count as entries', async () => {
    for (const type of ['x', 'g', 'L', 'K']) {
      const one = entryBytes({ name: 'x', type, content: type === 'x' || type === 'g' ? paxRecord('a', 'b') : 'n' });
      const layer = await readEntries([status, ...Array.from({ length: 100 }, () => one)], limited({ entries: 50 }));
      expect(codesOf(layer)).toEqual(['too-many-entries']);
    }
  });

  test('a map of holes that goes on and on ends the archive', async () => {
    const first = headerBlock({ name: 's', type: 'S', magic: 'ustar  \0' }, (block) => block.fill(0x31, 482, 483));
    const more = Buffer.alloc(512);
    more[504] = 1;
    const layer = await readEntries([status, Buffer.concat([first, ...Array.from({ length: 4000 }, () => more)])]);
    expect(codesOf(layer)).toEqual(['damaged-archive']);
  });
});

describe('malicious metadata of packages', () => {
  test('a name of a mebibyte is cut, and said to be', async () => {
    const content = `Package: ${'n'.repeat(mib)}\nStatus: install ok installed\nVersion: ${'1'.repeat(mib)}\n`;
    const layer = await readEntries([{ ...status, content }]);
    expect(codesOf(layer)).toEqual(['cut-text']);
    expect(layer.files[0]!.packages[0]!.name).toHaveLength(1024);
    expect(JSON.stringify(layer).length).toBeLessThan(5000);
  });

  test('control characters, markup and formulas are kept as they are', async () => {
    const name = '=cmd|\u001b[2J\u0007<script>"\u202e\u0000';
    const layer = await readEntries([{ ...status, content: dpkgStatus({ [name]: '1' }) }]);
    expect(layer.files[0]!.packages[0]!.name).toBe(name);
  });

  test('a database of a million stanzas is bounded', async () => {
    const content = 'Package: a\nVersion: 1\nStatus: i o installed\n\n'.repeat(200_000);
    const layer = await readEntries([{ ...status, content }], limited({ ratio: 10_000 }));
    expect(layer.files[0]!.packages).toHaveLength(100_000);
    expect(codesOf(layer)).toEqual(['too-many-findings']);
  });

  test('a stored deflate that never ends is what its bytes are', async () => {
    const raw = deflateRawSync(archiveOf([status]));
    const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    // Without its checksum and length, which are not compared.
    expect(foundIn(await readLayer(inPieces(Buffer.concat([header, raw]))))).toEqual(found);
  });
});
