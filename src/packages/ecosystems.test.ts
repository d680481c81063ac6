import { describe, expect, test } from 'bun:test';
import {
  advisoryName,
  distributionOf,
  formatEcosystem,
  isSeverity,
  languageEcosystem,
  normalisePythonName,
  type OsRelease,
  parseEcosystem,
  severities,
  severityRank,
  worseSeverity,
} from './index.ts';

describe('an os-release leads to the ecosystem of its advisories:', () => {
  const cases: [OsRelease, string | undefined][] = [
    [{ id: 'debian', versionId: '12', versionCodename: 'bookworm' }, 'Debian:12'],
    [{ id: 'debian', versionId: '12.5' }, 'Debian:12'],
    [{ id: 'debian', versionCodename: 'trixie' }, 'Debian:13'],
    [{ id: 'debian', prettyName: 'Debian GNU/Linux sid' }, undefined],
    [{ id: 'ubuntu', versionId: '22.04' }, 'Ubuntu:22.04:LTS'],
    [{ id: 'ubuntu', versionId: '24.10' }, 'Ubuntu:24.10'],
    [{ id: 'ubuntu', versionId: '23.04' }, 'Ubuntu:23.04'],
    [{ id: 'alpine', versionId: '3.19.1' }, 'Alpine:v3.19'],
    [{ id: 'alpine', versionId: '3.21.0_alpha20240923', prettyName: 'Alpine Linux edge' }, 'Alpine:edge'],
    [{ id: 'wolfi', versionId: '20230201' }, 'Wolfi'],
    [{ id: 'chainguard', versionId: '20230214' }, 'Chainguard'],
    [{ id: 'rocky', versionId: '9.3' }, 'Rocky Linux:9'],
    [{ id: 'almalinux', versionId: '8.10' }, 'AlmaLinux:8'],
    [{ id: 'rhel', versionId: '9.4' }, 'Red Hat:9'],
    [{ id: 'centos', versionId: '7', prettyName: 'CentOS Linux 7 (Core)' }, 'Red Hat:7'],
    [{ id: 'centos', versionId: '8', prettyName: 'CentOS Stream 8' }, undefined],
    [{ id: 'centos', versionId: '9', prettyName: 'CentOS Stream 9' }, undefined],
    [{ id: 'azurelinux', versionId: '3.0' }, 'Azure Linux:3'],
    [{ id: 'mariner', versionId: '2.0' }, 'Azure Linux:2'],
    [{ id: 'photon', versionId: '5.0' }, 'Photon OS:5.0'],
    [{ id: 'amzn', versionId: '2023' }, 'Amazon Linux:2023'],
    [{ id: 'ol', versionId: '9.3' }, 'Oracle Linux:9'],
    [
      { id: 'sles', versionId: '15.5', prettyName: 'SUSE Linux Enterprise Server 15 SP5' },
      'SUSE:Linux Enterprise Server 15 SP5',
    ],
    [{ id: 'opensuse-leap', versionId: '15.6', prettyName: 'openSUSE Leap 15.6' }, 'openSUSE:Leap 15.6'],
    [{ id: 'opensuse-tumbleweed', versionId: '20240101' }, 'openSUSE:Tumbleweed'],
    [{ id: 'openEuler', versionId: '22.03', prettyName: 'openEuler 22.03 (LTS-SP1)' }, 'openEuler:22.03-LTS-SP1'],
    [{ id: 'kali', versionId: '2024.1' }, undefined],
    [{ id: 'constructor' }, undefined],
    [{ id: '' }, undefined],
    [{ id: 'alpine' }, undefined],
  ];
  for (const [os, expected] of cases) {
    test(`${os.id} ${os.prettyName ?? os.versionId ?? os.versionCodename ?? ''} → ${expected ?? 'none'}`, () => {
      const found = distributionOf(os);
      expect(found && formatEcosystem(found)).toBe(expected);
    });
  }
});

test('the name of an ecosystem is split at its first colon, and put together again', () => {
  const cases: Record<string, [string, string]> = {
    npm: ['npm', ''],
    'Debian:12': ['Debian', '12'],
    'Ubuntu:Pro:18.04:LTS': ['Ubuntu', 'Pro:18.04:LTS'],
    'Red Hat:enterprise_linux:9::baseos': ['Red Hat', 'enterprise_linux:9::baseos'],
  };
  for (const [text, [ecosystem, release]] of Object.entries(cases)) {
    expect(parseEcosystem(text)).toEqual({ ecosystem, release });
    expect(formatEcosystem({ ecosystem, release })).toBe(text);
  }
  expect([parseEcosystem(''), parseEcosystem(':12'), parseEcosystem('a'.repeat(10_000))]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test('languages have their ecosystems, distributions have none by the type of their packages', () => {
  expect(['npm', 'pypi', 'golang', 'gem', 'cargo'].map(languageEcosystem)).toEqual([
    'npm',
    'PyPI',
    'Go',
    'RubyGems',
    'crates.io',
  ]);
  expect(['deb', 'apk', 'rpm', 'toString'].map(languageEcosystem)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('packages have the names by which advisories know them', () => {
  expect(advisoryName('npm', '@babel', 'core')).toBe('@babel/core');
  expect(advisoryName('Maven', 'org.apache.logging.log4j', 'log4j-core')).toBe('org.apache.logging.log4j:log4j-core');
  expect(advisoryName('Go', 'github.com/Masterminds', 'goutils')).toBe('github.com/Masterminds/goutils');
  expect(advisoryName('Packagist', 'Laravel', 'Framework')).toBe('laravel/framework');
  expect(advisoryName('PyPI', undefined, 'Flask_SQLAlchemy')).toBe('flask-sqlalchemy');
  expect(advisoryName('crates.io', '', 'smallvec')).toBe('smallvec');
  expect(['Foo._-Bar', 'zope.interface', 'A__B'].map(normalisePythonName)).toEqual([
    'foo-bar',
    'zope-interface',
    'a-b',
  ]);
});

test('severities have an order', () => {
  expect(severities.toSorted((a, b) => severityRank(a) - severityRank(b))).toEqual([...severities]);
  expect(worseSeverity('Low', 'High')).toBe('High');
  expect(worseSeverity('Unknown', 'Negligible')).toBe('Negligible');
  expect([isSeverity('Critical'), isSeverity('critical'), isSeverity('toString'), isSeverity(5)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
