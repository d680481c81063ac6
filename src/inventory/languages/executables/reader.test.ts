import { describe, expect, test } from 'bun:test';
import { deflateSync } from 'node:zlib';
import { standardLibraryVersion } from './go-packages.ts';
import { elfOf, inlineRecord, machOOf, modulesText, peOf, pointerRecord, universalOf } from './programs.double.ts';
import { executableReader } from './reader.ts';

function read(bytes: Uint8Array) {
  const { packages, warnings } = executableReader.read('usr/bin/x', bytes);
  return { names: packages.map(({ type, name, version }) => `${type}:${name}@${version}`), warnings: warnings ?? [] };
}

const modules = modulesText([
  'path\tgithub.com/example/tool/cmd/tool',
  'mod\tgithub.com/example/tool\tv1.4.0\th1:x=',
  'dep\tgithub.com/Azure/thing\tv0.3.1\th1:y=',
  'dep\tgithub.com/old/lib\tv1.0.0',
  '=>\tgithub.com/new/lib\tv1.0.1\th1:z=',
  'dep\tgithub.com/local/lib\tv2.0.0',
  '=>\t./lib\t(devel)\t',
  'build\t-compiler=gc',
]);
const found = [
  'golang:stdlib@1.22.8',
  'golang:github.com/example/tool@v1.4.0',
  'golang:github.com/Azure/thing@v0.3.1',
  'golang:github.com/new/lib@v1.0.1',
  'golang:github.com/local/lib@',
];

describe('a program of Go', () => {
  const inline = inlineRecord('go1.22.8', modules);
  const other = { name: '.text', content: Buffer.alloc(1_000, 0x90) };

  test.each([
    ['ELF', elfOf([other, { name: '.go.buildinfo', content: inline }])],
    ['ELF of 32 bits', elfOf([other, { name: '.go.buildinfo', content: inline }], { bits: 32 })],
    ['ELF of the other byte order', elfOf([other, { name: '.go.buildinfo', content: inline }], { bigEndian: true })],
    [
      'ELF without its table of sections',
      elfOf([other, { name: '.go.buildinfo', content: inline }], { sectionless: true }),
    ],
    ['PE', peOf([other, { name: '.data', content: inline }])],
    ['Mach-O', machOOf([other, { name: '__go_buildinfo', content: inline }])],
    [
      'Mach-O of 32 bits, the other byte order',
      machOOf([other, { name: '__data', content: inline }], { bits: 32, bigEndian: true }),
    ],
    ['Mach-O for several processors', universalOf([machOOf([other, { name: '__go_buildinfo', content: inline }])])],
  ])('%s says what it was built from', (_, bytes) => {
    expect(executableReader.recognises!(bytes.subarray(0, 4_096))).toBe(true);
    expect(read(bytes)).toEqual({ names: found, warnings: [] });
  });

  test.each([
    ['ELF', elfOf, { bits: 64 }],
    ['ELF of 32 bits', elfOf, { bits: 32 }],
    ['ELF of the other byte order', elfOf, { bits: 64, bigEndian: true }],
    ['PE', peOf, { bits: 64 }],
    ['PE of 32 bits', peOf, { bits: 32 }],
    ['Mach-O', machOOf, { bits: 64 }],
  ] as const)('%s of before Go 1.18 says it by pointers', (_, program, shape) => {
    const record = pointerRecord('go1.22.8', modules, { ...shape, address: 0x500000 });
    expect(read(program([{ name: '.go.buildinfo', content: record }], { ...shape, address: 0x500000 })).names).toEqual(
      found,
    );
  });

  test('whose pointers are only made when it is loaded still has its modules', () => {
    const record = pointerRecord('go1.17.13', modules, { address: 0x900000 });
    expect(read(elfOf([{ name: '.data', content: record }])).names).toEqual(found.slice(1));
  });

  test('that reads such records itself, and so has their beginning in it, is told from them', () => {
    const decoy = Buffer.concat([Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.alloc(50, 0xff)]);
    const rest = [
      { name: '.rodata', content: decoy },
      { name: '.data', content: inline },
    ];
    expect(read(elfOf(rest, { sectionless: true })).names).toEqual(found);
    expect(read(peOf(rest)).names).toEqual(found);
  });

  test('built without modules has its standard library alone', () => {
    const record = inlineRecord('go1.19.8', new Uint8Array());
    expect(read(elfOf([{ name: '.go.buildinfo', content: record }])).names).toEqual(['golang:stdlib@1.19.8']);
  });

  test('built from a checkout has the version that its builders told the linker, or none', () => {
    const own = (version: string, flags: string) => {
      const lines = [
        'path\tx/y/cmd/y',
        `mod\tx/y\t${version}\t`,
        'dep\ta/b\tv0.0.0-20240102030405-0123456789ab',
        `build\t-ldflags=${flags}`,
      ];
      const record = inlineRecord('go1.22.8', modulesText(lines));
      return read(elfOf([{ name: '.go.buildinfo', content: record }])).names[1];
    };
    for (const version of [
      '(devel)',
      '',
      'v0.0.0-20240102030405-0123456789ab',
      'v0.0.0-20240102030405-0123456789ab+dirty',
    ]) {
      expect(own(version, '')).toBe('golang:x/y@');
      expect(own(version, '"-s -w -X main.version=1.2.3 -X main.commit=abc"')).toBe('golang:x/y@v1.2.3');
    }
    expect(own('(devel)', `"-X 'x/y/pkg/version.Version=v1.2.3' -X=x/y/pkg/version.BuildVersion=v1.2.3"`)).toBe(
      'golang:x/y@v1.2.3',
    );
    // Of something else, of two things, of no release.
    expect(own('(devel)', '"-X other/module/version.Version=v9.0.0"')).toBe('golang:x/y@');
    expect(own('(devel)', '"-X main.version=v1.0.0 -X x/y/cmd/y.version=v2.0.0"')).toBe('golang:x/y@');
    expect(own('(devel)', '"-X main.version=latest -X main.goVersion=1.22.8"')).toBe('golang:x/y@');
    // A release is what it is, and a dependency too.
    expect(own('v1.4.0', '"-X main.version=9.9.9"')).toBe('golang:x/y@v1.4.0');
  });

  test.each([
    ['go1.22.8', '1.22.8'],
    ['go1.22.8 X:boringcrypto', '1.22.8'],
    ['go1.21.0-fips', '1.21.0'],
    ['go1.20', '1.20.0'],
    ['go1.23rc2', '1.23.0-rc.2'],
    ['go1.18beta1', '1.18.0-beta.1'],
    ['devel go1.23-6f0a1b2c3d Tue Jan 1', ''],
    ['go1.99bogus', ''],
  ])('of %s has the standard library %p', (version, library) => {
    expect(standardLibraryVersion(version)).toBe(library);
  });
});

describe('a program of Rust', () => {
  const list = {
    packages: [
      { name: 'ripgrep', version: '14.1.0', source: 'local', root: true, dependencies: [1] },
      { name: 'memchr', version: '2.7.1', source: 'crates.io' },
      { name: 'cc', version: '1.0.0', source: 'crates.io', kind: 'build' },
    ],
  };
  const section = { name: '.dep-v0', content: deflateSync(JSON.stringify(list)) };

  test.each([
    ['ELF', elfOf([section])],
    ['PE', peOf([section])],
    ['Mach-O', machOOf([section])],
  ])('%s that was built with cargo-auditable says what it was built from', (_, bytes) => {
    expect(read(bytes)).toEqual({ names: ['cargo:ripgrep@14.1.0', 'cargo:memchr@2.7.1'], warnings: [] });
  });

  test('with a list that is none, or a bomb, is a warning', () => {
    const bomb = { name: '.dep-v0', content: deflateSync(Buffer.alloc(64 * 1024 * 1024, 0x20)) };
    const warning = 'has a list of Rust packages that cannot be unpacked';
    expect(read(elfOf([bomb])).warnings).toEqual([warning]);
    expect(read(elfOf([{ ...section, content: Buffer.from('x') }])).warnings).toEqual([warning]);
    expect(read(elfOf([{ ...section, content: deflateSync('{') }])).warnings).toEqual(['is not JSON']);
  });
});

describe('an executable', () => {
  test('is looked at where it may be executed, or is one of Windows, and is large enough to be one of these', () => {
    const wanted = (path: string, mode: number, size = 1_000_000) => executableReader.wants(path, { mode, size });
    expect([wanted('usr/bin/x', 0o755), wanted('app.exe', 0o644), wanted('usr/bin/x', 0o100)]).toEqual([
      true,
      true,
      true,
    ]);
    expect([wanted('usr/lib/x.so', 0o644), wanted('usr/bin/x', 0o755, 20_000)]).toEqual([false, false]);
  });

  test('is told by its first bytes from scripts and classes of Java', () => {
    const recognised = (head: Buffer) => executableReader.recognises!(Buffer.concat([head, Buffer.alloc(64)]));
    expect(recognised(Buffer.from('\x7fELF'))).toBe(true);
    expect(recognised(Buffer.from('#!/bin/sh'))).toBe(false);
    // Version 61 of classes is Java 17.
    expect(recognised(Buffer.from([0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61]))).toBe(false);
    expect(executableReader.recognises!(new Uint8Array(0))).toBe(false);
  });

  test('that was packed is a warning', () => {
    const packed = elfOf([{ name: 'x', content: Buffer.alloc(5_000, 7) }], { sectionless: true });
    packed.set(Buffer.from('UPX!'), 200);
    const warning = 'packed binary: what it was built from cannot be read';
    expect(read(packed).warnings).toEqual([warning]);
    expect(read(peOf([{ name: 'UPX0', content: Buffer.alloc(10) }])).warnings).toEqual([warning]);
    expect(read(elfOf([{ name: 'x', content: Buffer.from('UPX!') }])).warnings).toEqual([]);
  });
});
