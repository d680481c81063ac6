import { describe, expect, test } from 'bun:test';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import {
  elfOf,
  inlineRecord,
  machOOf,
  modulesText,
  peOf,
  pointerRecord,
  universalOf,
} from './executables/programs.double.ts';
import { maxPackages } from './findings.ts';
import { languageReaders } from './index.ts';
import { manifestOf, pomOf, zipOf } from './java/zip.double.ts';
import { MalformedFile } from './malformed-file.ts';

/** Each is a whole file, read up to the end in the worst case. */
const numRuns = Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 150), 3_000);

const text = (...lines: string[]) => Buffer.from(lines.join('\n'));
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const modules = modulesText(['path\tx/y', 'mod\tx/y\tv1.0.0', 'dep\ta/b\tv1.2.3\th1:', '=>\tc/d\tv1.2.4\th1:']);
const inline = { name: '.go.buildinfo', content: inlineRecord('go1.22.8', modules) };
const rust = { name: '.dep-v0', content: deflateSync(json({ packages: [{ name: 'a', version: '1.0.0' }] })) };

/** Files that are read well, by the name of their reader; what is found in them is tested beside each. */
const seeds: Record<string, Uint8Array[]> = {
  npm: [json({ name: '@a/b', version: '1.0.0', license: { type: 'MIT' } })],
  python: [text('Name: a.b', 'Version: 1.0', 'Classifier: License :: OSI Approved :: MIT License', '', 'text')],
  'python-egg': [zipOf([{ name: 'EGG-INFO/PKG-INFO', content: 'Name: a.b\nVersion: 1.0\n\n' }])],
  java: [
    zipOf([
      pomOf('g', 'a', '1'),
      { name: 'lib/b.jar', content: zipOf([pomOf('g', 'b', '1'), manifestOf({ 'Bundle-Version': '1' })]) },
    ]),
    zipOf([{ ...pomOf('g', 'a', '1'), zip64: true }], { zip64: true }),
  ],
  gem: [text('# stub: a 1.0 ruby lib', 's.name = "a".freeze', 's.version = "1.0"', 's.licenses = ["MIT".freeze]')],
  composer: [json({ packages: [{ name: 'a/b', version: '1.0', license: ['MIT'] }] })],
  nuget: [
    json({
      runtimeTarget: { name: 't' },
      targets: { t: { 'a/1': { runtime: {} } } },
      libraries: { 'a/1': { type: 'package' } },
    }),
  ],
  'package-lock': [
    json({ lockfileVersion: 3, packages: { 'node_modules/a': { version: '1.0.0' } } }),
    json({
      lockfileVersion: 1,
      dependencies: { a: { version: '1.0.0', dependencies: { b: { version: 'npm:c@2.0.0' } } } },
    }),
  ],
  'yarn-lock': [text('"@a/b@npm:^1.0.0", "@a/b@npm:c@^2":', '  version "1.0.0"', '  resolution: "@a/b@npm:1.0.0"')],
  'pnpm-lock': [
    text('packages:', "  '@a/b@1.0.0(c@2.0.0)':", '    dev: true', '  /x/1.0.0_y@2.0.0:', '    engines: {}'),
  ],
  'gemfile-lock': [
    text('GEM', '  specs:', '    a (1.0-x86_64-linux)', '      b (= 1)', 'PATH', '  specs:', '    c (1.0)'),
  ],
  'cargo-lock': [text('[[package]]', 'name = "a"', 'version = "1.0"', 'source = "registry"', '[[package]]')],
  'composer-lock': [json({ packages: [{ name: 'a/b', version: '1.0' }] })],
  'nuget-lock': [json({ dependencies: { net8: { a: { type: 'Direct', resolved: '1.0' } } } })],
  'bun-lock': [text('  "packages": {', '    "a": ["@a/b@1.0.0", "", {}, "x"],', '  }')],
  'pubspec-lock': [
    text('packages:', '  a:', '    dependency: transitive', '    source: hosted', '    version: "1.0.0"'),
  ],
  'mix-lock': [text('%{', '  "a": {:hex, :a, "1.0.0", "x", [:mix], [], "hexpm", "y"},', '}')],
  'swift-resolved': [json({ pins: [{ location: 'https://a.example/b/c.git', state: { version: '1.0.0' } }] })],
  spdx: [json({ packages: [{ externalRefs: [{ referenceType: 'purl', referenceLocator: 'pkg:bitnami/a@1.0' }] }] })],
  runtime: [text('IMPLEMENTOR="x"', 'JAVA_VERSION="17.0.1"')],
  executable: [
    elfOf([inline, rust]),
    elfOf([{ name: '.data', content: pointerRecord('go1.17', modules, {}) }], { bits: 64 }),
    elfOf([inline], { bits: 32, bigEndian: true }),
    peOf([{ name: '.data', content: inline.content }, rust]),
    machOOf([{ name: '__go_buildinfo', content: inline.content }, rust]),
    universalOf([machOOf([inline]), elfOf([inline])]),
  ],
};

/** Damage as transfers, disks and attackers do it; numbers of formats are where most of it hurts. */
const damage = fc.oneof(
  fc.record({
    kind: fc.constant('set' as const),
    at: fc.nat(),
    value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x22, 0x5b),
  }),
  fc.record({ kind: fc.constant('number' as const), at: fc.nat(), value: fc.bigInt(0n, 0xffffffffffffffffn) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat(), value: fc.constant(0) }),
  fc.record({ kind: fc.constant('repeat' as const), at: fc.nat(), value: fc.nat(64) }),
);
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

/** Most of a program is empty space; what it is read by lies in the first kilobyte and behind the first page. */
function place(at: number, length: number): number {
  if (length < 5_000) return at % length;
  const [end, where] = [length - 4_096, at % 3];
  return where === 0 ? at % 400 : where === 1 ? 4_096 + (at % Math.min(end, 1_000)) : 4_096 + (at % end);
}

function damaged(seed: Uint8Array, all: readonly Damage[]): Uint8Array {
  let bytes = Buffer.from(seed);
  for (const { kind, at, value } of all) {
    if (bytes.length < 8) break;
    const from = place(at, bytes.length);
    if (kind === 'set') bytes[from] = value;
    else if (kind === 'cut') bytes = bytes.subarray(0, from);
    else if (kind === 'repeat') bytes = Buffer.concat([bytes, bytes.subarray(from, from + 256)]);
    else bytes.writeBigUInt64LE(value, Math.min(from, bytes.length - 8));
  }
  return new Uint8Array(bytes);
}

/** What the reader of runtimes asks the path for; to the others it is one like another. */
const path = 'node_modules/jdk/release';

describe('a file that was damaged at random is read in part or refused as malformed, in bounded time:', () => {
  test('every reader is tried', () => {
    expect(Object.keys(seeds).toSorted()).toEqual([...new Set(languageReaders.map(({ name }) => name))].toSorted());
  });

  for (const reader of languageReaders) {
    const files = seeds[reader.name] ?? [];

    test(`${reader.name}, which reads all of the undamaged ones`, () => {
      for (const file of files) expect(reader.read(path, file).packages).not.toEqual([]);
    });

    test(reader.name, () => {
      const property = fc.property(
        fc.constantFrom(...files),
        fc.array(damage, { minLength: 1, maxLength: 8 }),
        (seed, all) => {
          const bytes = damaged(seed, all);
          const copy = Buffer.from(bytes);
          try {
            reader.recognises?.(bytes.subarray(0, 4_096));
            const { packages, warnings } = reader.read(path, bytes);
            expect(packages.length).toBeLessThanOrEqual(maxPackages);
            expect(warnings?.length ?? 0).toBeLessThanOrEqual(101);
            for (const { name, version } of packages)
              expect([typeof name, typeof version]).toEqual(['string', 'string']);
          } catch (error) {
            if (!(error instanceof MalformedFile)) throw error;
          }
          expect(copy.equals(bytes)).toBe(true);
        },
      );
      fc.assert(property, { numRuns });
    });

    test(`${reader.name}, from any bytes at all`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 4_096 }), (bytes) => {
          try {
            reader.read(path, bytes);
          } catch (error) {
            if (!(error instanceof MalformedFile)) throw error;
          }
        }),
        { numRuns },
      );
    });
  }
});
