import { describe, expect, test } from 'bun:test';
import type { Digest } from '../oci/index.ts';
import { extractorRevision, type FoundFile } from './layer-inventory.ts';
import { mergeLayers } from './merge-layers.ts';
import { createPathMarks } from './path-marks.ts';
import { readers } from './readers.ts';

const egg = 'usr/lib/python3/dist-packages/requests-2.28.1.egg-info/PKG-INFO';
const npm = 'usr/lib/node_modules/npm/package.json';

/** A file as its reader reads it. */
function file(path: string, content: string): FoundFile {
  const reader = readers.find((one) => one.wants(path, { mode: 0o644, size: content.length }))!;
  const { packages, owns } = reader.read(path, Buffer.from(content));
  return { path, reader: reader.name, packages, ...(owns && owns.length > 0 && { owns }) };
}

/** Names and versions of packages of languages in an image of these layers. */
function languages(...layers: FoundFile[][]): string[] {
  const all = layers.map((files, index) => ({
    digest: `sha256:${String(index).padStart(64, '0')}` as Digest,
    inventory: {
      revision: extractorRevision,
      files,
      hides: createPathMarks().encode(),
      warnings: [],
      bytes: 0,
      entries: 0,
    },
  }));
  return mergeLayers(all)
    .components.filter(({ type }) => type === 'pypi' || type === 'npm' || type === 'golang')
    .map(({ installedName, installedVersion }) => `${installedName}@${installedVersion}`);
}

const requests = file(egg, 'Name: requests\nVersion: 2.28.1\n\n');
const npmOf = (version: string) => file(npm, JSON.stringify({ name: 'npm', version }));
const list = (...paths: string[]) =>
  file('var/lib/dpkg/info/python3-requests.list', ['/.', ...paths.map((one) => `/${one}`), ''].join('\n'));
const apk = (version: string, ...more: string[]) =>
  file(
    'lib/apk/db/installed',
    [`P:npm`, `V:${version}`, 'F:usr/lib/node_modules/npm', 'R:package.json', 'R:LICENSE', '', ...more].join('\n'),
  );

describe('a package of a language that the distribution has brought', () => {
  test('is that of the distribution alone, which mends it without another version', () => {
    expect(languages([requests])).toEqual(['requests@2.28.1']);
    expect(languages([requests, list(egg)])).toEqual([]);
    expect(languages([npmOf('10.2.5'), apk('10.2.5-r0')])).toEqual([]);
  });

  test('is not what somebody has put in its place later', () => {
    expect(languages([npmOf('10.2.5'), apk('10.2.5-r0')], [npmOf('10.9.0')])).toEqual(['npm@10.9.0']);
    expect(languages([list(egg), requests], [requests])).toEqual(['requests@2.28.1']);
  });

  test('stays its own while the database is written anew, and when both are upgraded', () => {
    const other = ['P:curl', 'V:8.5.0-r0', ''];
    expect(languages([npmOf('10.2.5'), apk('10.2.5-r0')], [apk('10.2.5-r0', ...other)])).toEqual([]);
    expect(languages([npmOf('10.2.5'), apk('10.2.5-r0')], [npmOf('10.2.6'), apk('10.2.6-r0')])).toEqual([]);
    expect(languages([requests, list(egg)], [requests, list(egg)])).toEqual([]);
  });

  test('is the image’s where it was changed before the database was written anew for another package', () => {
    const other = ['P:curl', 'V:8.5.0-r0', ''];
    const layers = [[npmOf('10.2.5'), apk('10.2.5-r0')], [npmOf('10.9.0')], [apk('10.2.5-r0', ...other)]];
    expect(languages(...layers)).toEqual(['npm@10.9.0']);
  });

  test('is the image’s once the distribution no longer knows of it', () => {
    expect(
      languages([npmOf('10.2.5'), apk('10.2.5-r0')], [file('lib/apk/db/installed', 'P:curl\nV:8.5.0-r0\n\n')]),
    ).toEqual(['npm@10.2.5']);
  });

  test('does not hide programs: they have the libraries of the day on which they were built in them', () => {
    const program: FoundFile = {
      path: 'usr/bin/tool',
      reader: 'executable',
      packages: [{ type: 'golang', name: 'stdlib', version: '1.19.8' }],
    };
    expect(languages([program, list('usr/bin/tool')])).toEqual(['stdlib@1.19.8']);
  });
});

test('sums of distroless say it too', () => {
  const sums = file('var/lib/dpkg/status.d/python3-requests.md5sums', `d41d8cd98f00b204e9800998ecf8427e  ${egg}\n`);
  expect(sums.owns).toEqual([{ by: '', paths: [egg] }]);
  expect(languages([requests, sums])).toEqual([]);
});

test('of all the files of a package only those are kept that readers of languages read', () => {
  const paths = ['usr/bin/python3', 'usr/share/doc/x/copyright', egg, 'usr/share/java/a.jar', 'usr/lib/python3/os.py'];
  expect(list(...paths).owns).toEqual([{ by: '', paths: [egg, 'usr/share/java/a.jar'] }]);
});
