import { describe, expect, test } from 'bun:test';
import type { Component } from '../packages/index.ts';
import { matchComponent } from './match.ts';
import type { OsvAffected, OsvEvent, OsvRecord } from './osv.ts';

const component = (of: string, name: string, version: string): Component => {
  const colon = of.indexOf(':');
  return colon < 0
    ? { ecosystem: of, release: '', name, version }
    : { ecosystem: of.slice(0, colon), release: of.slice(colon + 1), name, version };
};

/** Events as `introduced=0 fixed=1.2`. */
const events = (text: string): OsvEvent[] =>
  text.split(' ').map((event) => Object.fromEntries([event.split('=')]) as OsvEvent);

const entry = (ecosystem: string, name: string, ...ranges: string[]): OsvAffected => ({
  package: { ecosystem, name },
  ranges: ranges.map((range) => ({ type: 'ECOSYSTEM', events: events(range) })),
});

const record = (...affected: OsvAffected[]): OsvRecord => ({ id: 'TEST-1', affected });

/** `-` where it does not match, `!` where it does without a fix, else the fix; `?` where the version is not known. */
function said(of: Component, by: OsvRecord): string {
  const match = matchComponent(of, by);
  if (!match) return '-';
  return match.possible ? '?' : (match.fixedVersion ?? '!');
}

describe('a range', () => {
  const cases: [range: string, answers: Record<string, string>][] = [
    ['introduced=0 fixed=1.5', { '0': '1.5', '1.0': '1.5', '1.4.9': '1.5', '1.5': '-', '2.0': '-' }],
    [
      'introduced=1.0 fixed=1.5 introduced=2.0 fixed=2.3',
      { '0.9': '-', '1.2': '1.5', '1.7': '-', '2.0': '2.3', '2.3': '-' },
    ],
    [
      'fixed=2.3 introduced=2.0 fixed=1.5 introduced=1.0',
      { '0.9': '-', '1.2': '1.5', '1.7': '-', '2.0': '2.3', '2.3': '-' },
    ],
    ['introduced=0 last_affected=1.5', { '1.4': '!', '1.5': '!', '1.5.1': '-' }],
    ['introduced=0', { '0': '!', '99': '!' }],
    ['introduced=1.0', { '0.9': '-', '1.0': '!' }],
    ['introduced=0 limit=2.0', { '1.0': '!', '2.0': '-', '3.0': '-' }],
    ['introduced=0 limit=*', { '1.0': '!', '3.0': '!' }],
    ['introduced=0 fixed=1.5 limit=1.2', { '1.1': '1.5', '1.3': '-' }],
    ['introduced=0 introduced=1.0 fixed=1.5', { '0.5': '1.5', '1.2': '1.5', '1.5': '-' }],
    ['introduced=1.5 fixed=1.5', { '1.4': '-', '1.5': '-', '1.6': '-' }],
    ['fixed=1.5', { '1.0': '-' }],
  ];
  for (const [range, answers] of cases) {
    test(range, () => {
      const by = record(entry('npm', 'left-pad', range));
      const found = Object.keys(answers).map((version) => [version, said(component('npm', 'left-pad', version), by)]);
      expect(Object.fromEntries(found)).toEqual(answers);
    });
  }
});

test('several ranges that hit are all fixed by the latest of their fixes, or by none', () => {
  const two = record(entry('npm', 'a', 'introduced=0 fixed=1.5', 'introduced=1.0 fixed=1.8'));
  expect(['0.5', '1.2', '1.6', '1.8'].map((version) => said(component('npm', 'a', version), two))).toEqual([
    '1.5',
    '1.8',
    '1.8',
    '-',
  ]);
  const open = record(entry('npm', 'a', 'introduced=0 fixed=1.5'), entry('npm', 'a', 'introduced=1.0'));
  expect(said(component('npm', 'a', '1.2'), open)).toBe('!');
});

test('a version that is listed is affected, and fixed by what comes after it', () => {
  const by = record({ ...entry('PyPI', 'Django', 'introduced=3.0 fixed=3.2'), versions: ['2.2.0', '2.2.1'] });
  const answers = ['2.2.1', '2.2', '2.2.2', '3.1', '3.2'].map((version) =>
    said(component('PyPI', 'django', version), by),
  );
  expect(answers).toEqual(['3.2', '-', '-', '3.2', '-']);
});

test('where there are only versions, each may be written as its ecosystem allows', () => {
  const by = (ecosystem: string) => record({ package: { ecosystem, name: 'a' }, versions: ['1.0', '2.0b1'] });
  expect(['1.0', '1.0.0', '2.0.b1', '2.0'].map((version) => said(component('PyPI', 'a', version), by('PyPI')))).toEqual(
    ['!', '!', '!', '-'],
  );
  expect(['1.0', '1.0.0'].map((version) => said(component('npm', 'a', version), by('npm')))).toEqual(['!', '-']);
});

describe('a range of commits', () => {
  const git = { type: 'GIT', events: events('introduced=0') };

  test('says nothing alone', () => {
    const by = record({ package: { ecosystem: 'PyPI', name: 'a' }, ranges: [git] });
    expect([said(component('PyPI', 'a', '1'), by), said(component('PyPI', 'a', ''), by)]).toEqual(['-', '-']);
  });

  test('does not hide what stands after it', () => {
    const both = entry('PyPI', 'a', 'introduced=0 fixed=2');
    both.ranges!.unshift(git);
    expect(said(component('PyPI', 'a', '1'), record(both))).toBe('2');
  });
});

test('a range of GitHub that has no end holds as far as is known', () => {
  const by = (range: unknown, ...ranges: string[]) =>
    record({
      ...entry('Maven', 'com.google.guava:guava', ...ranges),
      database_specific: { last_known_affected_version_range: range },
    });
  const at = (version: string, of: OsvRecord) => said(component('Maven', 'com.google.guava:guava', version), of);
  const upTo = by('<= 29.0', 'introduced=0');
  expect(['28.2-jre', '29.0', '29.0-jre', '31.1-jre'].map((version) => at(version, upTo))).toEqual([
    '!',
    '!',
    '-',
    '-',
  ]);
  expect(['28.0', '29.0'].map((version) => at(version, by('< 29.0', 'introduced=0')))).toEqual(['!', '-']);
  const listing = record({ ...upTo.affected![0]!, versions: ['29.0', '31.1-jre'] });
  expect(['29.0', '31.1-jre'].map((version) => at(version, listing))).toEqual(['!', '-']);
  // What has a fix needs no other end, and what cannot be read is none.
  expect(at('29.5', by('<= 29.0', 'introduced=0 fixed=30.0'))).toBe('30.0');
  for (const odd of ['> 1', '', 5, null, '<= 29.0, >= 1']) expect(at('31.0', by(odd, 'introduced=0'))).toBe('!');
});

test('malformed parts of a record are left out, and the rest of it holds', () => {
  const broken = {
    id: 'X',
    affected: [
      null,
      {},
      { package: 5 },
      { package: { ecosystem: 'npm' } },
      { package: { ecosystem: 'npm', name: 'a' }, ranges: 'no' },
      {
        package: { ecosystem: 'npm', name: 'a' },
        ranges: [null, { type: 'SEMVER' }, { type: 'SEMVER', events: [null, { introduced: 5 }, {}] }],
      },
      {
        package: { ecosystem: 'npm', name: 'a' },
        versions: [null, 7],
        ranges: [{ type: 'ECOSYSTEM', events: events('introduced=0 fixed=2') }],
      },
    ],
  } as unknown as OsvRecord;
  expect(said(component('npm', 'a', '1'), broken)).toBe('2');
});

test('a component without a version is possibly affected, never surely', () => {
  expect(
    said(component('Go', 'example.com/a', ''), record(entry('Go', 'example.com/a', 'introduced=0 fixed=1.2'))),
  ).toBe('?');
  expect(said(component('Go', 'example.com/b', ''), record(entry('Go', 'example.com/a', 'introduced=0')))).toBe('-');
});

test('withdrawn advisories speak of nothing', () => {
  const by = { ...record(entry('npm', 'a', 'introduced=0')), withdrawn: '2022-02-08T21:35:09Z' };
  expect(said(component('npm', 'a', '1'), by)).toBe('-');
});

test('names are those of the ecosystem', () => {
  const by = record(entry('PyPI', 'Flask_SQLAlchemy', 'introduced=0'));
  expect(said(component('PyPI', 'flask-sqlalchemy', '1'), by)).toBe('!');
  expect(said(component('npm', 'flask-sqlalchemy', '1'), by)).toBe('-');
  expect(
    said(
      component('Go', 'github.com/masterminds/goutils', '1'),
      record(entry('Go', 'github.com/Masterminds/goutils', 'introduced=0')),
    ),
  ).toBe('-');
});

describe('the release of an ecosystem', () => {
  const cases: [affected: string, component: string, matches: boolean][] = [
    ['Debian:12', 'Debian:12', true],
    ['Debian:12', 'Debian:11', false],
    ['Debian', 'Debian:11', true],
    ['Debian:11', 'Debian', false],
    ['Alpine:v3.19', 'Alpine:v3.19', true],
    ['Alpine:v3.19', 'Alpine:v3.18', false],
    ['Ubuntu:22.04:LTS', 'Ubuntu:22.04:LTS', true],
    ['Ubuntu:22.04:LTS', 'Ubuntu:24.04:LTS', false],
    ['Ubuntu:Pro:22.04:LTS', 'Ubuntu:22.04:LTS', true],
    ['Ubuntu:Pro:18.04:LTS', 'Ubuntu:22.04:LTS', false],
    ['Ubuntu:Pro:FIPS:22.04:LTS', 'Ubuntu:22.04:LTS', false],
    ['Red Hat:enterprise_linux:9::baseos', 'Red Hat:9', true],
    ['Red Hat:enterprise_linux:9', 'Red Hat:9', true],
    ['Red Hat:enterprise_linux:8::appstream', 'Red Hat:9', false],
    ['Red Hat:rhel_eus:9.2::baseos', 'Red Hat:9', false],
    ['Red Hat:openshift:4.9::el9', 'Red Hat:9', false],
    ['SUSE:Linux Enterprise Server 15 SP5', 'SUSE:Linux Enterprise Server 15 SP5', true],
    ['SUSE:Linux Enterprise Module for Basesystem 15 SP5', 'SUSE:Linux Enterprise Server 15 SP5', true],
    ['SUSE:Linux Enterprise Module for Basesystem 15 SP4', 'SUSE:Linux Enterprise Server 15 SP5', false],
    ['SUSE:Linux Enterprise Server 15 SP5-LTSS', 'SUSE:Linux Enterprise Server 15 SP5', false],
    ['openSUSE:Leap 15.6', 'openSUSE:Leap 15.6', true],
    ['Rocky Linux:9', 'Rocky Linux:9', true],
    ['Wolfi', 'Wolfi', true],
    ['Wolfi', 'Chainguard', false],
  ];
  for (const [affected, of, matches] of cases) {
    test(`${affected} ${matches ? 'holds' : 'does not hold'} for ${of}`, () => {
      expect(said(component(of, 'openssl', '1.0'), record(entry(affected, 'openssl', 'introduced=0')))).toBe(
        matches ? '!' : '-',
      );
    });
  }

  test('of Ubuntu Pro is that of who has its packages, and instead of the plain one', () => {
    const by = record(
      entry('Ubuntu:18.04:LTS', 'openssl', 'introduced=0'),
      entry('Ubuntu:Pro:18.04:LTS', 'openssl', 'introduced=0 fixed=1.1.1-1ubuntu2.1~18.04.23+esm3'),
      entry('Ubuntu:Pro:FIPS:18.04:LTS', 'openssl', 'introduced=0 fixed=1.1.1-1ubuntu2.fips.2.1~18.04.24'),
    );
    const of = (version: string) => said(component('Ubuntu:18.04:LTS', 'openssl', version), by);
    expect(of('1.1.1-1ubuntu2.1~18.04.23')).toBe('!');
    expect(of('1.1.1-1ubuntu2.1~18.04.23+esm1')).toBe('1.1.1-1ubuntu2.1~18.04.23+esm3');
    expect(of('1.1.1-1ubuntu2.1~18.04.23+esm3')).toBe('-');
    expect(of('1.1.1-1ubuntu2.fips.2.1~18.04.20')).toBe('1.1.1-1ubuntu2.fips.2.1~18.04.24');
    expect(of('1.1.1-1ubuntu2.fips.2.1~18.04.24')).toBe('-');
  });
});
