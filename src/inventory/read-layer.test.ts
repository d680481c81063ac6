import { describe, expect, test } from 'bun:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { archiveOf, codesOf, dpkgStatus, entryBytes, foundIn, inPieces, readEntries } from './archive.double.ts';
import { readLayer } from './index.ts';
import { createMarkedPaths } from './path-marks.ts';

const status = { name: 'var/lib/dpkg/status', content: dpkgStatus({ bash: '5.2-1' }) };
const found = 'var/lib/dpkg/status: bash 5.2-1';

describe('a layer is read', () => {
  const archive = archiveOf([{ name: 'var/' }, status, { name: 'etc/hosts', content: 'x' }]);
  for (const [name, bytes] of Object.entries({
    gzip: gzipSync(archive),
    zstd: zstdCompressSync(archive),
    none: archive,
  })) {
    test(`packed by ${name}, under the media type of another`, async () => {
      const layer = await readLayer(inPieces(bytes), { mediaType: 'application/vnd.oci.image.layer.v1.tar' });
      expect(foundIn(layer)).toEqual([found]);
      expect(layer).toMatchObject({ warnings: [], entries: 3, bytes: archive.length });
    });
  }

  test('the same way each time', async () => {
    const read = () =>
      readEntries([status, { name: 'a' }, { name: 'b/' }, { name: 'etc/os-release', content: 'ID=x' }]);
    expect(await read()).toEqual(await read());
    expect((await read()).files.map(({ path }) => path)).toEqual(['etc/os-release', 'var/lib/dpkg/status']);
  });

  test('under any spelling of its paths', async () => {
    for (const name of [
      './var/lib/dpkg/status',
      '/var/lib/dpkg/status',
      'var//lib/./dpkg/status',
      '././var/lib/dpkg/status',
    ]) {
      expect(foundIn(await readEntries([{ ...status, name }]))).toEqual([found]);
    }
  });
});

test('an encrypted layer is a warning', async () => {
  const layer = await readLayer(inPieces(Buffer.from('secret')), {
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted',
  });
  expect(codesOf(layer)).toEqual(['encrypted-layer']);
});

test('what is no archive is a warning', async () => {
  expect(codesOf(await readLayer(inPieces(Buffer.alloc(5000, 'x'))))).toEqual(['not-an-archive']);
  expect(codesOf(await readLayer(inPieces(gzipSync(gzipSync(archiveOf([status]))))))).toEqual(['not-an-archive']);
});

test('an abort is thrown', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(readLayer(inPieces(archiveOf([status])), { signal })).rejects.toThrow('enough');
});

test('of a path that is there twice, the last counts', async () => {
  const second = { ...status, content: dpkgStatus({ bash: '5.3-1' }) };
  expect(foundIn(await readEntries([status, second]))).toEqual(['var/lib/dpkg/status: bash 5.3-1']);
  expect(foundIn(await readEntries([status, { name: status.name, type: '2', link: 'x' }]))).toEqual([]);
  expect(foundIn(await readEntries([status, { name: 'var/lib', type: '2', link: 'x' }]))).toEqual([]);
  expect(foundIn(await readEntries([status, { name: 'var/lib/' }]))).toEqual([found]);
  const link = { name: 'var', type: '2', link: 'x' };
  expect(foundIn(await readEntries([status, link, status, link]))).toEqual([]);
});

describe('hides of lower layers', () => {
  const cases: [what: string, names: string[], hidden: string[], kept: string[]][] = [
    ['a whiteout: its path and all below', ['a/.wh.b'], ['a/b', 'a/b/c'], ['a/bc', 'b']],
    ['a whiteout in the root', ['.wh.a'], ['a', 'a/b'], ['ab']],
    ['an opaque directory: what is below it', ['a/.wh..wh..opq'], ['a/b', 'a/b/c'], ['ab']],
    ['an opaque root: everything', ['.wh..wh..opq'], ['a', 'b/c'], []],
    ['a file: its path, and a directory that was there', ['a/b'], ['a/b', 'a/b/c'], ['a/c']],
    ['a directory: a file that was there, and nothing below', ['a/b/'], ['a/b'], ['a/b/c']],
    ['what is in a directory without an entry of its own: a file that was there', ['a/b/c'], ['a', 'a/b'], ['a/d']],
    ['what AUFS has for itself: nothing', ['.wh..wh.plnk/', '.wh..wh.aufs'], [], ['a', '.wh.plnk', '.wh.aufs']],
    ['what eStargz adds: nothing', ['stargz.index.json', '.no.prefetch.landmark'], [], ['stargz.index.json']],
  ];
  for (const [what, names, hidden, kept] of cases) {
    test(what, async () => {
      const { hides } = await readEntries(names.map((name) => ({ name })));
      const paths = createMarkedPaths<string>();
      for (const path of [...hidden, ...kept]) paths.add(path, path);
      expect([...(paths.hide(hides).next().value ?? [])].toSorted()).toEqual(hidden.toSorted());
    });
  }

  test('a whiteout and a file of one path: both count', async () => {
    const layer = await readEntries([status, { name: 'var/lib/dpkg/.wh.status' }]);
    expect(foundIn(layer)).toEqual([found]);
  });
});

describe('a hard link', () => {
  const program = { name: 'usr/bin/tool', mode: 0o755, content: Buffer.alloc(100_000) };
  const tools = {
    name: 'tools',
    wants: (_path: string, { mode }: { mode: number }) => (mode & 0o111) !== 0,
    recognises: (head: Uint8Array) => head.length === 4096,
    read: () => ({ packages: [{ type: 'generic' as const, name: 'tool', version: '1' }] }),
  };

  test('to a program is the program under another name', async () => {
    const link = { name: 'bin/tool', type: '1', mode: 0o755, link: './usr/bin/tool' };
    expect(foundIn(await readEntries([program, link], { readers: [tools] }))).toEqual([
      'bin/tool: tool 1',
      'usr/bin/tool: tool 1',
    ]);
  });

  test('of a database to what nobody has read is a warning', async () => {
    const layer = await readEntries([
      { name: 'other', content: status.content },
      { name: status.name, type: '1', link: 'other' },
    ]);
    expect(foundIn(layer)).toEqual([]);
    expect(layer.warnings).toEqual([
      { code: 'unread-link', path: status.name, detail: 'a hard link to other, which was not read' },
    ]);
  });

  test('of another name to a database is none', async () => {
    const layer = await readEntries([status, { name: 'copy', type: '1', link: status.name }]);
    expect(foundIn(layer)).toEqual([found]);
    expect(layer.warnings).toEqual([]);
  });
});

test('a reader that fails costs its own findings, and a warning', async () => {
  const failing = {
    name: 'failing',
    wants: () => true,
    read: () => {
      throw new Error('a comma is missing');
    },
  };
  const finding = {
    ...failing,
    name: 'finding',
    read: () => ({ packages: [{ type: 'npm' as const, name: 'a', version: '1' }] }),
  };
  const layer = await readEntries([{ name: 'x', content: 'x' }], { readers: [failing, finding] });
  expect(foundIn(layer)).toEqual(['x: a 1']);
  expect(layer.warnings).toEqual([{ code: 'unread-file', path: 'x', detail: 'failing: a comma is missing' }]);
});

test('a truncated archive has what came before its end', async () => {
  const bytes = Buffer.concat([entryBytes(status), entryBytes({ name: 'b', content: Buffer.alloc(5000) })]);
  const layer = await readLayer(inPieces(bytes.subarray(0, -600)));
  expect(foundIn(layer)).toEqual([found]);
  expect(codesOf(layer)).toEqual(['truncated-archive']);
});
