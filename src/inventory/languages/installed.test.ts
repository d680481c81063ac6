import { describe, expect, test } from 'bun:test';
import type { Reader } from '../reader.ts';
import { composerReader } from './composer.ts';
import { gemReader } from './gem.ts';
import { npmReader } from './npm.ts';
import { nugetReader } from './nuget.ts';
import { maxPackages } from './findings.ts';
import { zipOf } from './java/zip.double.ts';
import { pythonEggReader, pythonReader } from './python.ts';
import { runtimeReader } from './runtime.ts';
import { spdxReader } from './spdx.ts';

const read = (reader: Reader, content: string | object, path = 'x') =>
  reader.read(path, Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)));
const wanted = (reader: Reader, paths: string[]) =>
  paths.filter((path) => reader.wants(path, { mode: 0o644, size: 10 }));

describe('npm', () => {
  const path = 'app/node_modules/lodash/package.json';

  test('is what lies in node_modules, and Yarn of the official images, but not the application', () => {
    const paths = [
      path,
      'node_modules/@babel/core/package.json',
      'usr/local/lib/node_modules/npm/node_modules/tar/package.json',
      'app/node_modules/.pnpm/ws@8.0.0/node_modules/ws/package.json',
      'app/node_modules/next/dist/compiled/ws/package.json',
      'opt/yarn-v1.22.22/package.json',
    ];
    expect(wanted(npmReader, paths)).toEqual(paths);
    expect(wanted(npmReader, ['app/package.json', 'package.json', 'app/old_node_modules/x/package.json'])).toEqual([]);
  });

  test('has scopes, and licences in every form', () => {
    expect(read(npmReader, { name: '@babel/core', version: '7.24.0', license: 'MIT' }, path).packages).toEqual([
      { type: 'npm', namespace: '@babel', name: 'core', version: '7.24.0', licenses: ['MIT'] },
    ]);
    const old = { name: 'old', version: '0.1.0', licenses: [{ type: 'MIT' }, { type: 'GPL-2.0' }] };
    expect(read(npmReader, old, path).packages[0]?.licenses).toEqual(['MIT', 'GPL-2.0']);
  });

  test('without name and version is part of another package', () => {
    for (const content of [
      { type: 'module' },
      { name: 'x' },
      { version: '1.0.0' },
      { name: 1, version: {} },
      [],
      'null',
    ]) {
      expect(read(npmReader, content, path)).toEqual({ packages: [] });
    }
  });

  test('that is broken is a warning where Node would look, and nothing where it is test data', () => {
    expect(() => read(npmReader, '{', path)).toThrow('is not JSON');
    expect(read(npmReader, '{', 'app/node_modules/resolve/test/malformed/package.json')).toEqual({ packages: [] });
  });
});

describe('Python', () => {
  test('is what installers write', () => {
    const site = 'usr/lib/python3/site-packages';
    const paths = ['Foo.dist-info/METADATA', 'foo.egg-info/PKG-INFO', 'foo-1.egg-info', 'foo.egg/EGG-INFO/PKG-INFO'];
    expect(
      wanted(
        pythonReader,
        paths.map((path) => `${site}/${path}`),
      ),
    ).toHaveLength(4);
    expect(wanted(pythonReader, ['app/requirements.txt', 'app/poetry.lock', 'app/Pipfile.lock', 'x/PKG-INFO'])).toEqual(
      [],
    );
  });

  test('names are those of PEP 503, licences the expression, else classifiers, else a short text', () => {
    const of = (lines: string[]) =>
      read(pythonReader, [...lines, '', 'Name: not-this', 'Version: 9'].join('\n')).packages;
    expect(
      of(['Metadata-Version: 2.4', 'Name: Foo.Bar_baz', 'Version: 1.0.post1', 'License-Expression: MIT OR Apache-2.0']),
    ).toEqual([{ type: 'pypi', name: 'foo-bar-baz', version: '1.0.post1', licenses: ['MIT OR Apache-2.0'] }]);
    const classified = [
      'Name: a',
      'Version: 1',
      'License: see file',
      'Classifier: License :: OSI Approved :: BSD License',
    ];
    expect(of(classified)[0]?.licenses).toEqual(['BSD License']);
    expect(of(['Name: a', 'Version: 1', `License: ${'x'.repeat(500)}`, '        more of it'])[0]?.licenses).toEqual([]);
  });

  test('a description that says Name again is not asked, nor are lines of Windows a difference', () => {
    expect(read(pythonReader, 'Name: a\r\nVersion: 1\r\n\r\nName: b\r\n').packages[0]).toMatchObject({
      name: 'a',
      version: '1',
    });
  });

  test('is in archives that were never unpacked', () => {
    const archive = 'usr/lib/python3/site-packages/foo-1.0-py3.11.egg';
    expect(wanted(pythonEggReader, [archive, `${archive}/EGG-INFO/PKG-INFO`, 'x.egg-info'])).toEqual([archive]);
    const of = (name: string, content: string) => pythonEggReader.read(archive, zipOf([{ name, content }]));
    expect(of('EGG-INFO/PKG-INFO', 'Name: Foo_Bar\nVersion: 1.0\n\n').packages).toEqual([
      { type: 'pypi', name: 'foo-bar', version: '1.0', licenses: [] },
    ]);
    expect(of('other/EGG-INFO/PKG-INFO', 'Name: a\nVersion: 1\n').packages).toEqual([]);
    expect(pythonEggReader.read(archive, Buffer.from('a text')).packages).toEqual([]);
    expect(() => of('EGG-INFO/PKG-INFO', 'Name: a\n')).toThrow('has no Name and Version');
    expect(() => pythonEggReader.read(archive, zipOf([]).slice(0, 10))).toThrow();
  });

  test('metadata without name and version is a warning', () => {
    expect(() => read(pythonReader, 'Metadata-Version: 2.1\nName: x\n\n')).toThrow('has no Name and Version');
  });
});

describe('Ruby', () => {
  test('is what RubyGems has installed, what comes with Ruby included', () => {
    const paths = [
      'usr/local/bundle/specifications/rack-3.0.0.gemspec',
      'usr/local/lib/ruby/gems/3.3.0/specifications/default/json-2.7.1.gemspec',
    ];
    expect(wanted(gemReader, [...paths, 'usr/local/bundle/gems/rack-3.0.0/rack.gemspec'])).toEqual(paths);
  });

  test('specifications are read, never run', () => {
    const spec = `# -*- encoding: utf-8 -*-
# stub: nokogiri 1.16.0 x86_64-linux lib

Gem::Specification.new do |s|
  s.name = "nokogiri".freeze
  s.version = "1.16.0"
  s.platform = "x86_64-linux".freeze
  s.licenses = ["MIT".freeze, "Apache-2.0".freeze]
  s.add_runtime_dependency(%q<racc>.freeze, ["~> 1.4"])
end`;
    expect(read(gemReader, spec).packages).toEqual([
      {
        type: 'gem',
        name: 'nokogiri',
        version: '1.16.0',
        licenses: ['MIT', 'Apache-2.0'],
        qualifiers: { platform: 'x86_64-linux' },
      },
    ]);
    const old = `Gem::Specification.new do |s|\n  s.name = %q{rake}\n  s.name = 'rake'\n  s.version = Gem::Version.new("10.0")\nend`;
    expect(read(gemReader, old).packages[0]).toMatchObject({ name: 'rake', version: '10.0' });
  });

  test('what is no literal is not guessed', () => {
    expect(() => read(gemReader, 's.name = name_of("x")\ns.version = Rack::VERSION')).toThrow('plain text');
    const stubbed = '# stub: rack 3.0.0 ruby lib\ns.name = "rack"\ns.version = Rack::VERSION';
    expect(read(gemReader, stubbed).packages[0]).toMatchObject({ name: 'rack', version: '3.0.0' });
  });
});

describe('PHP', () => {
  const packages = [{ name: 'symfony/http-kernel', version: 'v5.4.1', license: ['MIT'] }, { name: 'x' }, null];
  const found = [{ type: 'composer', namespace: 'symfony', name: 'http-kernel', version: 'v5.4.1', licenses: ['MIT'] }];

  test('is what Composer has installed, in both versions of its file', () => {
    expect(wanted(composerReader, ['var/www/vendor/composer/installed.json', 'x/installed.json'])).toHaveLength(1);
    expect(read(composerReader, packages).packages as unknown[]).toEqual(found);
    expect(read(composerReader, { packages, dev: true }).packages as unknown[]).toEqual(found);
    expect(() => read(composerReader, '{}')).toThrow('has no list of packages');
  });
});

describe('.NET', () => {
  const document = {
    runtimeTarget: { name: '.NETCoreApp,Version=v8.0/linux-x64' },
    targets: {
      '.NETCoreApp,Version=v8.0/linux-x64': {
        'App/1.0.0': { runtime: {} },
        'Newtonsoft.Json/12.0.1': { runtime: { 'lib/netstandard2.0/Newtonsoft.Json.dll': {} } },
        'System.Net.Http/4.3.0': { dependencies: {} },
      },
    },
    libraries: {
      'App/1.0.0': { type: 'project' },
      'Newtonsoft.Json/12.0.1': { type: 'package' },
      'System.Net.Http/4.3.0': { type: 'package' },
      'runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1': { type: 'runtimepack' },
    },
  };

  test('is what a program loads: neither itself nor packages that only name others', () => {
    const { packages } = read(nugetReader, `\uFEFF${JSON.stringify(document)}`);
    expect(packages as unknown[]).toEqual([
      { type: 'nuget', name: 'Newtonsoft.Json', version: '12.0.1' },
      { type: 'nuget', name: 'Microsoft.NETCore.App.Runtime.linux-x64', version: '8.0.1' },
    ]);
    expect(read(nugetReader, { libraries: document.libraries }).packages).toHaveLength(3);
  });
});

describe('lists that come with programs', () => {
  test('of Bitnami and of Wolfi are read, but not what they say of the distribution', () => {
    const paths = [
      'opt/bitnami/redis/.spdx-redis.spdx',
      'opt/bitnami/.spdx-x.spdx',
      'var/lib/db/sbom/go-1.22.spdx.json',
    ];
    expect(
      wanted(spdxReader, [...paths, 'usr/lib/db/sbom/x.spdx.json', 'app/x.spdx.json', 'opt/bitnami/x.spdx']),
    ).toHaveLength(4);
    const of = (locator: string, more = {}) => ({
      ...more,
      externalRefs: [
        { referenceType: 'cpe23Type', referenceLocator: 'x' },
        { referenceType: 'purl', referenceLocator: locator },
      ],
    });
    const packages = [
      of('pkg:bitnami/redis@7.2.4-0?arch=amd64&distro=debian-12', { licenseConcluded: 'BSD-3-Clause' }),
      of('pkg:golang/github.com/redis/go-redis/v9@v9.0.2', { licenseConcluded: 'NOASSERTION' }),
      of('pkg:npm/%40babel/core', { versionInfo: '7.0.0' }),
      of('pkg:apk/wolfi/go@1.22'),
      of('no purl'),
      {},
    ];
    expect(read(spdxReader, { packages }).packages).toEqual([
      { type: 'bitnami', name: 'redis', version: '7.2.4-0', licenses: ['BSD-3-Clause'] },
      { type: 'golang', name: 'github.com/redis/go-redis/v9', version: 'v9.0.2' },
      { type: 'npm', namespace: '@babel', name: 'core', version: '7.0.0' },
    ]);
    expect(() => read(spdxReader, '{}')).toThrow('has no list of packages');
  });
});

describe('runtimes', () => {
  test('of official images say their version in a file beside them', () => {
    const of = (path: string, ...lines: string[]) => {
      expect(wanted(runtimeReader, [path])).toEqual([path]);
      return read(runtimeReader, lines.join('\n'), path).packages.map(({ name, version }) => `${name}@${version}`);
    };
    const [major, minor, patch] = ['MAJOR', 'MINOR', 'PATCH'].map(
      (one, at) => `#define NODE_${one}_VERSION ${20 + at}`,
    );
    expect(
      of('usr/local/include/node/node_version.h', major!, minor!, patch!, '#define NODE_VERSION_IS_LTS 1'),
    ).toEqual(['node@20.21.22']);
    expect(of('usr/local/include/python3.12/patchlevel.h', '#define PY_VERSION      \t"3.12.4"')).toEqual([
      'python@3.12.4',
    ]);
    expect(of('opt/java/openjdk/release', 'IMPLEMENTOR="Eclipse Adoptium"', 'JAVA_VERSION="17.0.9"')).toEqual([
      'openjdk@17.0.9',
    ]);
    expect(of('usr/lib/jvm/temurin-25-jdk-amd64/release', 'JAVA_VERSION="25.0.3"')).toEqual(['openjdk@25.0.3']);
    expect(wanted(runtimeReader, ['etc/release', 'usr/include/linux/patchlevel.h'])).toEqual([]);
  });
});

describe('hostile metadata', () => {
  test('JSON that is nested a hundred thousand deep is refused before it is built', () => {
    expect(() => read(composerReader, '['.repeat(100_000))).toThrow('is nested more than 200 deep');
    expect(() => read(npmReader, `{"a":${'{"a":'.repeat(100_000)}`, 'node_modules/x/package.json')).toThrow('nested');
  });

  test('JSON of more than a million keys is refused before it is built', () => {
    const keys = Array.from({ length: 1_000_001 }, (_, index) => `"${index}":0`).join(',');
    expect(() => read(composerReader, `{${keys}}`)).toThrow('has more than 1000000 keys');
  });

  test('strings full of quotes and backslashes are passed over in linear time', () => {
    const tricky = '\\\\\\"'.repeat(1_000_000);
    expect(read(composerReader, `[{"name":"${tricky}","version":"1"}]`).packages).toHaveLength(1);
  });

  test('names that are those of properties of every object are names', () => {
    const document = `{"libraries":{"__proto__/1.0":{"type":"package"},"constructor/2.0":{"type":"package"}}}`;
    expect(read(nugetReader, document).packages.map(({ name }) => name)).toEqual(['__proto__', 'constructor']);
  });

  test('control characters, markup and formulas in names stay what they are', () => {
    const name = '=cmd|calc\u001b[2J<script>';
    expect(read(npmReader, { name, version: '1\n2' }, 'node_modules/x/package.json').packages).toEqual([
      { type: 'npm', name, version: '1\n2', licenses: [] },
    ]);
  });

  test('more packages than any file has are cut off with a warning', () => {
    const list = Array.from({ length: maxPackages + 10 }, (_, index) => ({ name: `v/p${index}`, version: '1' }));
    const { packages, warnings } = read(composerReader, list);
    expect(packages).toHaveLength(maxPackages);
    expect(warnings).toEqual([`has more than ${maxPackages} packages, of which the rest was left out`]);
  });

  test('one line of many megabytes is no trouble', () => {
    const long = 'x'.repeat(16_000_000);
    expect(() => read(pythonReader, `Name: ${long}`)).toThrow('has no Name and Version');
    expect(() => read(gemReader, `s.name = ${'"'.repeat(3_000_000)}`)).toThrow('plain text');
  });
});
