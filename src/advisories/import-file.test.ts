import { expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import type { TestDatabase } from '../../test/support/database.ts';
import { component, contextOf, openAdvisories } from './advisory-rig.double.ts';
import { boltOf, type BoltTree } from './formats/bolt.double.ts';
import { sourceOf } from './formats/byte-source.ts';
import { rangesOf, rangesWithout } from './formats/version-constraints.ts';
import { statusIn } from './ranges.ts';
import { importFile } from './import-file.ts';
import { zipOf } from './mirror.double.ts';
import { registerComponents } from './register.ts';
import { vulnerabilitiesOf } from './vulnerabilities.ts';

const bring = (db: TestDatabase, bytes: Uint8Array | string, wanted?: string[], ecosystem?: string) =>
  importFile(contextOf(db), sourceOf(Buffer.from(bytes)), {
    origin: 'test',
    ecosystem,
    wants: (one) => wanted?.includes(one) ?? true,
  });

async function knownOf(db: TestDatabase, name: string, version: string, ecosystem: string, release: string) {
  const [id] = await registerComponents(db, [component(name, version, ecosystem, release)]);
  return (await vulnerabilitiesOf(db, [id!])).get(id!)!;
}

const tracker = {
  openssl: {
    'CVE-2026-0001': {
      description: 'A flaw in OpenSSL.',
      releases: {
        bookworm: { status: 'resolved', fixed_version: '3.0.11-1~deb12u2', urgency: 'not yet assigned' },
        trixie: { status: 'resolved', fixed_version: '0', urgency: 'unimportant' },
        sid: { status: 'open', urgency: 'low' },
      },
    },
    'CVE-2026-0002': {
      description: 'Never mind.',
      releases: { bookworm: { status: 'open', urgency: 'unimportant', nodsa: 'Minor issue', nodsa_reason: 'ignored' } },
    },
  },
  zlib: { 'CVE-2026-0001': { releases: { bookworm: { status: 'open', urgency: 'low' } } } },
};

test('the tracker of Debian: fixed and open, by release, with urgency and what is not to be fixed', async () => {
  await using db = await openAdvisories();
  expect(await bring(db, JSON.stringify(tracker))).toMatchObject([{ feed: 'debian-tracker', added: 3 }]);
  expect(await knownOf(db, 'openssl', '3.0.11-1~deb12u1', 'Debian', '12')).toMatchObject([
    {
      id: 'CVE-2026-0001',
      records: ['DEBIAN-CVE-2026-0001:openssl'],
      fixedVersion: '3.0.11-1~deb12u2',
      fixState: 'fixed',
      summary: 'A flaw in OpenSSL.',
    },
    { id: 'CVE-2026-0002', fixState: 'wont-fix', severity: 'Negligible' },
  ]);
  expect(await knownOf(db, 'openssl', '3.0.11-1~deb12u2', 'Debian', '12')).toMatchObject([{ id: 'CVE-2026-0002' }]);
  expect(await knownOf(db, 'openssl', '3.5.0-1', 'Debian', '13')).toEqual([]);
  expect(await knownOf(db, 'zlib', '1.3', 'Debian', '12')).toMatchObject([{ fixState: 'not-fixed', severity: 'Low' }]);
});

test('a secdb of Alpine: what each version fixes, and what never concerned the package', async () => {
  await using db = await openAdvisories();
  const secdb = {
    apkurl: '{{urlprefix}}/{{distroversion}}/{{reponame}}/{{arch}}/{{pkg.name}}-{{pkg.ver}}.apk',
    archs: ['x86_64'],
    reponame: 'main',
    urlprefix: 'https://dl-cdn.alpinelinux.org/alpine',
    distroversion: 'v3.19',
    packages: [
      {
        pkg: {
          name: 'busybox',
          secfixes: {
            '1.35.0-r9': ['CVE-2026-0004'],
            '1.36.1-r16': ['CVE-2026-0003 GHSA-x', 'CVE-2026-0004'],
            '1.36.0-r10': ['CVE-2026-0004'],
            '0': ['CVE-2026-0005'],
          },
        },
      },
    ],
  };
  expect(await bring(db, JSON.stringify(secdb))).toMatchObject([{ feed: 'alpine-secdb/v3.19/main', added: 2 }]);
  expect(await knownOf(db, 'busybox', '1.36.1-r15', 'Alpine', 'v3.19')).toMatchObject([
    { id: 'CVE-2026-0003', fixedVersion: '1.36.1-r16' },
    { id: 'CVE-2026-0004', sources: [{ name: 'Alpine Security Database' }] },
  ]);
  expect(await knownOf(db, 'busybox', '1.36.1-r16', 'Alpine', 'v3.19')).toEqual([]);
  expect(await knownOf(db, 'busybox', '1.36.1-r15', 'Alpine', 'v3.20')).toEqual([]);
});

const json = (value: object) => JSON.stringify(value);
const trivy: BoltTree = {
  'debian 12': {
    openssl: {
      'CVE-2026-0006': json({ FixedVersion: '3.0.12', Severity: 3 }),
      'CVE-2026-0007': json({ Status: 5 }),
      'CVE-2026-0008': json({ Status: 1 }),
      'CVE-2026-0009': 'no JSON',
    },
  },
  'debian 11': { openssl: {} },
  'pip::GitHub Security Advisory pip': {
    'foo-bar': {
      'CVE-2026-00010': json({ VulnerableVersions: ['>=1.0, <1.2.3', '=2.0'], PatchedVersions: ['1.2.3'] }),
    },
  },
  'Red Hat': { bash: { 'CVE-2026-00011': json({ Entries: [] }) } },
  'data-source': { 'debian 12': json({ ID: 'debian', Name: 'Debian Security Tracker', URL: 'https://x' }) },
  vulnerability: {
    'CVE-2026-0006': json({
      Title: 'Six',
      Severity: 'LOW',
      CVSS: { nvd: { V3Vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', V3Score: 9.8 } },
      References: ['https://example.com/6', 'javascript:alert(1)'],
    }),
    'CVE-2026-00010': json({ Title: 'Ten', Severity: 'CRITICAL' }),
  },
};

function tarOf(name: string, content: Uint8Array): Uint8Array {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  return Buffer.concat([head, content, Buffer.alloc(((512 - (content.length % 512)) % 512) + 1024)]);
}

test.each([
  ['as it is', (bytes: Uint8Array) => bytes],
  [
    'as its artifact has it',
    (bytes: Uint8Array) =>
      gzipSync(Buffer.concat([tarOf('metadata.json', Buffer.from('{}')).subarray(0, 1024), tarOf('trivy.db', bytes)])),
  ],
])(
  'trivy-db, %s: distributions and languages, details, statuses',
  async (_, packed) => {
    await using db = await openAdvisories();
    const outcome = await bring(db, packed(boltOf(trivy)), ['Debian', 'PyPI']);
    expect(outcome).toMatchObject([
      { feed: 'trivy-db/debian 12', added: 2, refused: 1 },
      { feed: 'trivy-db/pip::GitHub Security Advisory pip', added: 1 },
    ]);
    expect(await knownOf(db, 'openssl', '3.0.11', 'Debian', '12')).toMatchObject([
      {
        id: 'CVE-2026-0006',
        records: ['TRIVY-CVE-2026-0006:openssl'],
        severity: 'High',
        fixedVersion: '3.0.12',
        cvss: [{ score: 9.8 }],
        summary: 'Six',
        references: ['https://example.com/6'],
      },
      { id: 'CVE-2026-0007', fixState: 'wont-fix' },
    ]);
    expect(await knownOf(db, 'foo-bar', '1.1', 'PyPI', '')).toMatchObject([
      { id: 'CVE-2026-00010', severity: 'Critical', fixedVersion: '1.2.3' },
    ]);
    expect(await knownOf(db, 'foo-bar', '2.0', 'PyPI', '')).toMatchObject([{ id: 'CVE-2026-00010' }]);
    expect(await knownOf(db, 'foo-bar', '1.3', 'PyPI', '')).toEqual([]);
  },
  30_000,
);

test('a trivy-db is taken over for the ecosystems that are wanted alone', async () => {
  await using db = await openAdvisories();
  expect(await bring(db, boltOf(trivy), ['PyPI'])).toHaveLength(1);
  await expect(bring(db, boltOf(trivy), ['npm'])).rejects.toThrow('nothing of the ecosystems of the images here');
  await expect(bring(db, boltOf({ other: { a: 'b' } }))).rejects.toThrow('no trivy-db');
});

test('constraints of versions become ranges', () => {
  expect(rangesOf(['<4.17.21', '>= 1.0.0, < 1.2.3 || >=2.0.0 <=2.1.0', '= 3.0', '> 5'])).toEqual({
    ranges: [
      { type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '4.17.21' }] },
      { type: 'ECOSYSTEM', events: [{ introduced: '1.0.0' }, { fixed: '1.2.3' }] },
      { type: 'ECOSYSTEM', events: [{ introduced: '2.0.0' }, { last_affected: '2.1.0' }] },
      { type: 'ECOSYSTEM', events: [{ introduced: '5' }] },
    ],
    versions: ['3.0'],
  });
});

test('versions that are said in the words of npm and RubyGems are read; what cannot be read is told', () => {
  const events = (text: string) => rangesOf([text]).ranges.map((range) => range.events);
  expect(events('^1.2.3')).toEqual([[{ introduced: '1.2.3' }, { fixed: '2' }]]);
  expect(events('^0.2.3')).toEqual([[{ introduced: '0.2.3' }, { fixed: '0.3' }]]);
  expect(events('~1.2.3')).toEqual([[{ introduced: '1.2.3' }, { fixed: '1.3' }]]);
  expect(events('~> 1.2')).toEqual([[{ introduced: '1.2' }, { fixed: '2' }]]);
  expect(events('>= 1.0, != 1.5, < 2.0')).toEqual([[{ introduced: '1.0' }, { fixed: '2.0' }]]);
  for (const all of ['', '*', ' ']) expect(events(all)).toEqual([[{ introduced: '0' }]]);
  for (const text of ['[1.0,2.0)', '>= ', '1.x || [1', '< 1.0 <']) expect(rangesOf([text]).unread).toBeDefined();
});

test.each([
  [['>= 1.5.4', '< 1.4.0'], { '1.3.9': false, '1.4.0': true, '1.5.3': true, '1.5.4': false, '9': false }],
  [
    ['~> 2.3.4', '>= 2.4.1'],
    { '1.0': true, '2.3.3': true, '2.3.4': false, '2.3.9': false, '2.4.0': true, '2.4.1': false },
  ],
  [
    ['~> 1.4.2', '>= 1.4.5', '= 1.0'],
    { '1.0': true, '1.1': true, '1.4.1': true, '1.4.2': false, '1.5': false, '3': false },
  ],
  [['> 2.0'], { '2.0': true, '2.0.1': false }],
])('what is not vulnerable, %p, leaves the others', (secure, expected) => {
  const { ranges } = rangesWithout('RubyGems', secure);
  const found = Object.keys(expected).map((version) => [version, statusIn('RubyGems', ranges[0]!, version).affected]);
  expect(Object.fromEntries(found)).toEqual(expected);
});

test('trivy-db of a language: only patched versions, none at all, and what cannot be read', async () => {
  await using db = await openAdvisories();
  const gems = (advisories: Record<string, object>) =>
    boltOf({
      'rubygems::RubySec': {
        rack: Object.fromEntries(Object.entries(advisories).map(([id, value]) => [id, json(value)])),
      },
      vulnerability: {},
    });
  const known = async (version: string) => (await knownOf(db, 'rack', version, 'RubyGems', '')).map(({ id }) => id);
  await bring(
    db,
    gems({
      'CVE-2026-0001': { PatchedVersions: ['~> 2.2.8', '>= 3.0.4'], UnaffectedVersions: ['< 2.0'] },
      'CVE-2026-0002': { VulnerableVersions: [''] },
      'CVE-2026-0003': { VulnerableVersions: ['< 3.0'] },
    }),
  );
  const all = ['CVE-2026-0001', 'CVE-2026-0002', 'CVE-2026-0003'];
  expect(await known('2.2.7')).toEqual(all);
  expect(await known('2.2.9')).toEqual(all.slice(1));
  expect(await known('3.0.4')).toEqual(['CVE-2026-0002']);
  expect(
    await bring(
      db,
      gems({ 'CVE-2026-0002': { VulnerableVersions: [''] }, 'CVE-2026-0003': { VulnerableVersions: ['[,3.0)'] } }),
    ),
  ).toMatchObject([{ refused: 1, removed: 1, reasons: ['CVE-2026-0003 of rack says versions that cannot be read'] }]);
  expect(await known('2.2.7')).toEqual(['CVE-2026-0002', 'CVE-2026-0003']);
});

test('what is packed and cut off, unpacks without end, or is nothing of the kind, is refused', async () => {
  await using db = await openAdvisories();
  const scores = gzipSync(`#model_version:x\ncve,epss,percentile\n${'CVE-2026-1234,0.5,0.5\n'.repeat(10_000)}`);
  await expect(bring(db, scores.subarray(0, scores.length / 2))).rejects.toThrow('damaged or cut off');
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const small = contextOf(db, { maxBytes: 1024 * 1024 });
  const options = { origin: 'test', wants: () => true };
  await expect(importFile(small, sourceOf(bomb), options)).rejects.toThrow();
  const layer = Bun.zstdCompressSync(Buffer.alloc(64 * 1024 * 1024, ' '));
  await expect(importFile(small, sourceOf(layer), options)).rejects.toThrow('it unpacks to more than 1048576 bytes');
  for (const text of ['', 'hello', '[]', '{"a":1}']) await expect(bring(db, text)).rejects.toThrow();
  await expect(bring(db, zipOf({ 'a.json': '{}' }))).rejects.toThrow('not clear of which ecosystem');
  await expect(bring(db, zipOf({ 'a.json': '{}' }), undefined, 'npm')).rejects.toThrow('it holds no advisory');
});
