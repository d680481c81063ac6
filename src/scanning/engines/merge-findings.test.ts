import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { ImageComponent } from '../../inventory/index.ts';
import type { Finding } from '../findings.ts';
import type { EngineFinding } from './engine.ts';
import { mergeFindings } from './merge-findings.ts';

const component = (name: string, version: string, more: Partial<ImageComponent> = {}): ImageComponent => ({
  ecosystem: 'npm',
  release: '',
  name,
  version,
  purl: `pkg:npm/${name}@${version}`,
  installedName: name,
  installedVersion: version,
  type: 'npm',
  path: `app/${name}`,
  layer: `sha256:${'1'.repeat(64)}`,
  layerIndex: 0,
  ...more,
});

const components = [
  component('left-pad', '1.0.0'),
  component('openssl', '3.0.11-1', {
    ecosystem: 'Debian',
    release: '12',
    type: 'deb',
    installedName: 'libssl3',
    purl: 'pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12&upstream=openssl',
    installedVersion: '3.0.11-1',
  }),
  component('django', '3.2.1', {
    ecosystem: 'PyPI',
    type: 'pypi',
    installedName: 'Django',
    purl: 'pkg:pypi/django@3.2.1',
  }),
];

const native: Finding = {
  id: 'CVE-2026-1',
  aliases: ['GHSA-1'],
  severity: 'Low',
  fixable: false,
  fixState: 'not-fixed',
  kev: false,
  malicious: false,
  firstSeen: 1,
  purl: components[0]!.purl,
  installedName: 'left-pad',
  installedVersion: '1.0.0',
  component: 0,
};

const said = (id: string, name: string, version: string, more: Partial<EngineFinding> = {}): EngineFinding => ({
  id,
  package: name,
  version,
  severity: 'Critical',
  severitySource: 'them',
  fixState: 'fixed',
  fixedVersion: '9',
  cvss: [],
  summary: 'as they say',
  references: [],
  ...more,
});

const merge = (own: Finding[], reports: Record<string, EngineFinding[]>) =>
  mergeFindings(
    own,
    { reports: Object.entries(reports).map(([engine, findings]) => ({ engine, findings })) },
    {
      components,
      firstSeen: () => 7,
      exploited: new Map([['CVE-2026-9', {}]]),
      predicted: new Map([['CVE-2026-9', { probability: 0.5 }]]),
    },
  );

test('what advisories of this server say stands, whatever an engine says of it: that says so, too', () => {
  const [finding, ...others] = merge([native], {
    grype: [said('ghsa-1', 'left-pad', '1.0.0')],
    trivy: [said('CVE-2026-1', 'left-pad', '1.0.0')],
  });
  expect(others).toEqual([]);
  expect(finding).toEqual({ ...native, engines: ['grype', 'trivy'] });
  expect(native.engines).toBeUndefined();
});

test('what only an engine says is a finding of the package that is there, as the first of them has it', () => {
  const merged = merge([native], {
    a: [said('CVE-2026-2', 'left-pad', '1.0.0', { severity: 'Medium' })],
    b: [said('CVE-2026-2', 'left-pad', '1.0.0', { summary: 'otherwise' })],
  });
  expect(merged.map(({ id }) => id)).toEqual(['CVE-2026-2', 'CVE-2026-1']);
  expect(merged[0]).toMatchObject({
    severity: 'Medium',
    fixable: true,
    fixedVersion: '9',
    component: 0,
    purl: components[0]!.purl,
    engines: ['a', 'b'],
    firstSeen: 7,
    said: { summary: 'as they say', severitySource: 'them' },
  });
});

test('packages are the same by package URL without qualifiers, by what they were built from, and in the spelling of others', () => {
  const merged = merge([], {
    a: [
      said('CVE-2026-3', 'whatever', '0', { purl: 'pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&distro=debian-12.4' }),
      said('CVE-2026-4', 'openssl', '3.0.11-1'),
      said('CVE-2026-5', 'libssl3', '3.0.11-1'),
      said('CVE-2026-6', 'DJANGO', '3.2.1'),
      said('CVE-2026-7', 'left-pad', '1.0.1'),
      said('CVE-2026-9', 'a b', '1', { purl: 'pkg:npm/a%20b@1' }),
    ],
  });
  const places = Object.fromEntries(merged.map(({ id, component: at }) => [id, at]));
  expect(places).toEqual({
    'CVE-2026-3': 1,
    'CVE-2026-4': 1,
    'CVE-2026-5': 1,
    'CVE-2026-6': 2,
    'CVE-2026-7': -1,
    'CVE-2026-9': -1,
  });
  expect(merged.find(({ id }) => id === 'CVE-2026-7')).toMatchObject({
    purl: 'pkg:generic/left-pad@1.0.1',
    installedVersion: '1.0.1',
  });
  expect(merged.find(({ id }) => id === 'CVE-2026-9')).toMatchObject({ purl: 'pkg:npm/a%20b@1', kev: true, epss: 0.5 });
});

test('whatever engines say, nothing that this server knows is gone, milder or otherwise than it was', () => {
  const finding = fc.record({
    id: fc.constantFrom('CVE-2026-1', 'GHSA-1', 'CVE-2026-2', 'CVE-2026-3'),
    name: fc.constantFrom('left-pad', 'openssl', 'Django', 'other'),
    version: fc.constantFrom('1.0.0', '3.0.11-1', '3.2.1'),
    severity: fc.constantFrom('Unknown', 'Negligible', 'Low', 'Medium', 'High', 'Critical'),
  });
  const reports = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.array(finding));
  fc.assert(
    fc.property(reports, (given) => {
      const made = Object.entries(given).map(([engine, list]): [string, EngineFinding[]] => [
        engine,
        list.map(({ id, name, version, severity }) => said(id, name, version, { severity })),
      ]);
      const merged = merge([native], Object.fromEntries(made));
      const { engines: _, ...own } = merged.find(({ id, purl }) => id === native.id && purl === native.purl)!;
      expect(own).toEqual(native);
      const keys = merged.map(({ id, purl }) => `${id} ${purl}`);
      expect(new Set(keys).size).toBe(keys.length);
      for (const [engine, list] of made) {
        for (const { id } of list)
          expect(merged.some((one) => [one.id, ...one.aliases].includes(id) && one.engines?.includes(engine))).toBe(
            true,
          );
      }
    }),
  );
});
