import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { apkReader } from './apk.ts';
import { dpkgReader } from './dpkg.ts';
import { leadsAway, systemReaders } from './index.ts';
import { osReleaseReader } from './os-release.ts';
import { packagesOfManifest } from './rpm/manifest.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const entry = { mode: 0o644, size: 100 };

describe('dpkg', () => {
  const read = (text: string, path = 'var/lib/dpkg/status') => dpkgReader.read(path, bytesOf(text));

  test('a package is named by what it was built from, in the version of that', () => {
    const { packages, warnings } = read(
      [
        'Package: libssl3',
        'Status: install ok installed',
        'Priority: optional',
        'Architecture: amd64',
        'Source: openssl (3.0.9-1)',
        'Version: 3.0.9-1+b2',
        'Description: Secure Sockets Layer toolkit',
        ' Version: 9.9, which is a line of the description',
        '',
        'Package: gcc-12-base',
        'Status: install ok installed',
        'Source: gcc-12',
        'Version: 12.2.0-14',
        '',
        'Package: bash',
        'Status: install ok installed',
        'Version: 5.2.15-2+b2',
      ].join('\n'),
    );
    expect(warnings).toEqual([]);
    expect(packages).toEqual([
      {
        type: 'deb',
        name: 'libssl3',
        version: '3.0.9-1+b2',
        arch: 'amd64',
        source: { name: 'openssl', version: '3.0.9-1' },
      },
      { type: 'deb', name: 'gcc-12-base', version: '12.2.0-14', source: { name: 'gcc-12', version: '12.2.0-14' } },
      { type: 'deb', name: 'bash', version: '5.2.15-2+b2', source: { name: 'bash', version: '5.2.15-2+b2' } },
    ]);
  });

  test('what is removed is no package, and what is half installed is one', () => {
    const states = [
      'deinstall ok config-files',
      'purge ok not-installed',
      'install ok unpacked',
      'hold ok half-configured',
      'install ok installed',
    ];
    const text = states.map((state, i) => `Package: p${i}\nStatus: ${state}\nVersion: 1\n`).join('\n');
    expect(read(text).packages.map(({ name }) => name)).toEqual(['p2', 'p3', 'p4']);
  });

  test('lines that end with a carriage return, and a database without its last line', () => {
    expect(
      read('Package: a\r\nStatus: install ok installed\r\nVersion: 1\r\n\r\nPackage: b\r\nVersion: 2').packages,
    ).toMatchObject([{ name: 'a', version: '1' }]);
  });

  test('a file of distroless is a package without a status', () => {
    const path = 'var/lib/dpkg/status.d/libc6';
    expect(dpkgReader.wants(path, entry)).toBe(true);
    expect(dpkgReader.wants(`${path}.md5sums`, entry)).toBe(false);
    expect(read('Package: libc6\nSource: glibc\nVersion: 2.36-9\n', path).packages).toMatchObject([
      { name: 'libc6', source: { name: 'glibc', version: '2.36-9' } },
    ]);
  });

  test('an empty database is one, other text is not', () => {
    expect(read('\n').warnings).toEqual([]);
    expect(read('{"packages": []}').warnings).toEqual(['is no database of dpkg']);
  });
});

describe('apk', () => {
  const database = [
    'C:Q1abc=',
    'P:libcrypto3',
    'V:3.1.4-r1',
    'A:x86_64',
    'T:Crypto library from openssl',
    'L:Apache-2.0',
    'o:openssl',
    'F:lib',
    'R:libcrypto.so.3',
    '',
    'P:musl',
    'V:1.2.4-r2',
    'L:MIT',
  ].join('\n');

  test('a package is named by its origin', () => {
    const { packages, warnings } = apkReader.read('lib/apk/db/installed', bytesOf(database));
    expect(warnings).toEqual([]);
    expect(packages).toEqual([
      {
        type: 'apk',
        name: 'libcrypto3',
        version: '3.1.4-r1',
        arch: 'x86_64',
        licenses: ['Apache-2.0'],
        source: { name: 'openssl', version: '3.1.4-r1' },
      },
      {
        type: 'apk',
        name: 'musl',
        version: '1.2.4-r2',
        licenses: ['MIT'],
        source: { name: 'musl', version: '1.2.4-r2' },
      },
    ]);
  });

  test('lies in one of two places, and is nothing else', () => {
    expect(
      ['lib/apk/db/installed', 'usr/lib/apk/db/installed', 'lib/apk/db/scripts.tar'].map((path) =>
        apkReader.wants(path, entry),
      ),
    ).toEqual([true, true, false]);
    expect(apkReader.read('lib/apk/db/installed', bytesOf('hello\n')).warnings).toEqual(['is no database of apk']);
    expect(apkReader.read('lib/apk/db/installed', bytesOf('')).warnings).toEqual([]);
  });
});

describe('os-release', () => {
  const read = (path: string, text: string) => osReleaseReader.read(path, bytesOf(text)).os;

  test('is read as a shell would, without running anything', () => {
    const text = [
      '# a comment',
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"',
      "VERSION_ID='12'",
      'VERSION_CODENAME=bookworm',
      'ID=debian',
      'CPE_NAME="cpe:/o:x:\\$(y)\\"z"',
      'HOME_URL="https://www.debian.org/"',
    ].join('\n');
    expect(read('etc/os-release', text)).toEqual({
      id: 'debian',
      versionId: '12',
      versionCodename: 'bookworm',
      prettyName: 'Debian GNU/Linux 12 (bookworm)',
      cpeName: 'cpe:/o:x:$(y)"z',
    });
  });

  test('where it is missing, other files say as much', () => {
    expect(read('etc/alpine-release', '3.19.1\n')).toEqual({ id: 'alpine', versionId: '3.19.1' });
    expect(read('etc/debian_version', '12.5\n')).toEqual({ id: 'debian', versionId: '12.5' });
    expect(read('etc/debian_version', 'trixie/sid\n')).toEqual({ id: 'debian', versionCodename: 'trixie' });
    expect(read('etc/redhat-release', 'Rocky Linux release 9.3 (Blue Onyx)\n')).toEqual({
      id: 'rocky',
      versionId: '9.3',
      prettyName: 'Rocky Linux release 9.3 (Blue Onyx)',
    });
    expect(read('etc/redhat-release', 'Something else\n')).toBeUndefined();
  });
});

test('the list of a distroless image of Azure Linux', () => {
  const lines = [
    'openssl\t1.1.1k-20.cm2\t1666\t1666\tMicrosoft Corporation\t(none)\t100\tx86_64\t0\topenssl-1.1.1k-20.cm2.src.rpm',
    'bind-libs\t9.16-1\t1\t1\tv\t32\t1\tx86_64\t32\tbind-9.16-1.src.rpm',
    'broken line',
  ];
  const { packages, warnings } = packagesOfManifest(bytesOf(lines.join('\n')));
  expect(packages).toEqual([
    {
      type: 'rpm',
      name: 'openssl',
      version: '1.1.1k-20.cm2',
      arch: 'x86_64',
      source: { name: 'openssl', version: '1.1.1k-20.cm2' },
    },
    {
      type: 'rpm',
      name: 'bind-libs',
      version: '32:9.16-1',
      arch: 'x86_64',
      source: { name: 'bind', version: '32:9.16-1' },
    },
  ]);
  expect(warnings).toEqual(['1 lines are none']);
});

test('a link in the place of a database leads to another place for it, or away', () => {
  const fine: [string, string][] = [
    ['lib', 'usr/lib'],
    ['lib', '/usr/lib'],
    ['var/lib/rpm', '../../usr/lib/sysimage/rpm'],
    ['usr/lib/sysimage/rpm', '/var/lib/rpm/'],
    ['bin', 'elsewhere'],
    ['var/lib/dpkg/lock', '/dev/null'],
    ['var/run', '/run'],
  ];
  const away: [string, string][] = [
    ['var/lib/dpkg', '/hidden'],
    ['var/lib/dpkg/status', 'status-old'],
    ['var/lib/dpkg/status.d', '../../../x'],
    ['var/lib/rpm', '../../../../..'],
    ['lib', 'usr/lib64'],
    ['var', '/private/var'],
  ];
  for (const [path, target] of fine) expect([path, leadsAway(path, target)]).toEqual([path, false]);
  for (const [path, target] of away) expect([path, leadsAway(path, target)]).toEqual([path, true]);
});

test('property: any bytes are read by every reader in what its files are called, or refused', () => {
  const paths = [
    'var/lib/dpkg/status',
    'lib/apk/db/installed',
    'etc/os-release',
    'etc/redhat-release',
    'var/lib/rpm/rpmdb.sqlite',
    'var/lib/rpm/Packages',
    'var/lib/rpm/Packages.db',
    'var/lib/rpmmanifest/container-manifest-2',
  ];
  const text = fc
    .string({ unit: fc.constantFrom('P', 'a', ':', '\n', ' ', '=', '"', '\t', '('), maxLength: 200 })
    .map(bytesOf);
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.oneof(fc.uint8Array({ maxLength: 2000 }), text), (path, bytes) => {
      const reader = systemReaders.find((one) => one.wants(path, entry))!;
      const { packages } = reader.read(path, bytes);
      for (const { name, version } of packages) expect([typeof name, typeof version]).toEqual(['string', 'string']);
    }),
  );
});
