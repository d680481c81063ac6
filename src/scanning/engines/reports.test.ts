import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { readGrypeReport } from './grype.ts';
import { readTrivyReport } from './trivy.ts';

const now = Date.UTC(2026, 10, 28);
const scanner = { name: 'Trivy', version: '0.74.0' };

describe('what trivy prints', () => {
  const vulnerability = {
    VulnerabilityID: 'CVE-2026-1000',
    PkgName: 'libssl3',
    InstalledVersion: '3.0.11-1~deb12u2',
    FixedVersion: '3.0.13-1~deb12u1',
    Status: 'fixed',
    Severity: 'HIGH',
    SeveritySource: 'nvd',
    PkgIdentifier: { PURL: 'pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.4' },
    Layer: { Digest: 'sha256:1', DiffID: 'sha256:2' },
    PrimaryURL: 'https://avd.aquasec.com/nvd/cve-2026-1000',
    Title: 'openssl: something',
    Description: 'Something longer.',
    References: ['https://example.com/one'],
    CVSS: {
      nvd: {
        V2Vector: 'AV:N/AC:L/Au:N/C:P/I:P/A:P',
        V2Score: 7.5,
        V3Vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N',
        V3Score: 7.5,
      },
    },
  };
  const report = (vulnerabilities: unknown[]) =>
    JSON.stringify({
      SchemaVersion: 2,
      Results: [{ Target: 'app', Class: 'os-pkgs', Vulnerabilities: vulnerabilities }, { Target: 'x' }],
    });

  test('is read', async () => {
    expect(await readTrivyReport(report([vulnerability]), scanner)).toEqual({
      scanner,
      isCut: false,
      findings: [
        {
          id: 'CVE-2026-1000',
          package: 'libssl3',
          version: '3.0.11-1~deb12u2',
          purl: 'pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.4',
          severity: 'High',
          severitySource: 'nvd',
          fixState: 'fixed',
          fixedVersion: '3.0.13-1~deb12u1',
          cvss: [
            { source: 'nvd', vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N', score: 7.5 },
            { source: 'nvd', vector: 'AV:N/AC:L/Au:N/C:P/I:P/A:P', score: 7.5 },
          ],
          summary: 'openssl: something',
          references: ['https://avd.aquasec.com/nvd/cve-2026-1000', 'https://example.com/one'],
        },
      ],
    });
  });

  test('of a status: what is not affected is no finding', async () => {
    const states = ['affected', 'will_not_fix', 'fix_deferred', 'end_of_life', 'under_investigation', 'not_affected'];
    const many = states.map((Status, at) => ({
      ...vulnerability,
      VulnerabilityID: `CVE-2026-${at}`,
      Status,
      FixedVersion: '',
    }));
    const { findings } = await readTrivyReport(report(many), scanner);
    expect(findings.map(({ fixState }) => fixState)).toEqual([
      'not-fixed',
      'wont-fix',
      'not-fixed',
      'wont-fix',
      'unknown',
    ]);
  });

  test('of a clean image has no findings, and what is none is refused', async () => {
    expect((await readTrivyReport('{"SchemaVersion":2}', scanner)).findings).toEqual([]);
    for (const text of ['', '{}', '[]', '{"SchemaVersion":"2"}', '{"SchemaVersion":2,'])
      await expect(readTrivyReport(text, scanner)).rejects.toMatchObject({ name: 'EngineError' });
  });
});

describe('what grype prints', () => {
  const match = {
    vulnerability: {
      id: 'GHSA-aaaa-bbbb-cccc',
      dataSource: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
      namespace: 'github:language:javascript',
      severity: 'Critical',
      urls: ['https://example.com/two'],
      description: 'It pads too much',
      cvss: [
        {
          source: 'nvd@nist.gov',
          version: '3.1',
          vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H',
          metrics: { baseScore: 9.8 },
        },
      ],
      fix: { versions: ['1.1.0'], state: 'fixed' },
    },
    relatedVulnerabilities: [{ id: 'CVE-2026-1000', namespace: 'nvd:cpe' }],
    artifact: { name: 'left-pad', version: '1.0.0', type: 'npm', purl: 'pkg:npm/left-pad@1.0.0' },
  };
  const report = (
    matches: unknown,
    db: unknown = { status: { schemaVersion: '6.1.0', built: '2026-11-27T08:00:00Z' } },
  ) => JSON.stringify({ matches, descriptor: { name: 'grype', version: '0.121.0', db } });

  test('is read, under the CVE where there is one', async () => {
    expect(await readGrypeReport(report([match]), now)).toEqual({
      scanner: { name: 'Grype', version: '0.121.0', databaseAt: Date.UTC(2026, 10, 27, 8) },
      isCut: false,
      findings: [
        {
          id: 'CVE-2026-1000',
          package: 'left-pad',
          version: '1.0.0',
          purl: 'pkg:npm/left-pad@1.0.0',
          severity: 'Critical',
          severitySource: 'github:language:javascript',
          fixState: 'fixed',
          fixedVersion: '1.1.0',
          cvss: [{ source: 'nvd@nist.gov', vector: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H', score: 9.8 }],
          summary: 'It pads too much',
          references: ['https://github.com/advisories/GHSA-aaaa-bbbb-cccc', 'https://example.com/two'],
        },
      ],
    });
  });

  test('with the data of an older schema, of times that cannot be, and without a fix', async () => {
    expect((await readGrypeReport(report([], { built: '2026-11-27T08:00:00Z' }), now)).scanner.databaseAt).toBe(
      Date.UTC(2026, 10, 27, 8),
    );
    expect(
      (await readGrypeReport(report([], { built: '9999-01-01T00:00:00Z' }), now)).scanner.databaseAt,
    ).toBeUndefined();
    const unfixed = { ...match, vulnerability: { ...match.vulnerability, fix: { versions: [], state: 'wont-fix' } } };
    expect((await readGrypeReport(report([unfixed]), now)).findings[0]!.fixState).toBe('wont-fix');
    for (const text of ['', '{}', '{"matches":{}}'])
      await expect(readGrypeReport(text, now)).rejects.toMatchObject({ name: 'EngineError' });
  });
});

test('whatever a program prints, it is read to findings within bounds, or refused', async () => {
  const words = fc.constantFrom(
    'VulnerabilityID',
    'PkgName',
    'Severity',
    'CVSS',
    'References',
    'vulnerability',
    'artifact',
    'id',
    'name',
    'fix',
    'cvss',
  );
  const values = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant('CVE-2026-1'),
      fc.jsonValue(),
      fc.dictionary(words, tie('value')),
      fc.array(tie('value')),
    ),
  })).value;
  await fc.assert(
    fc.asyncProperty(values, async (value) => {
      const texts = [
        JSON.stringify({ SchemaVersion: 2, Results: [{ Vulnerabilities: [value] }, value] }),
        JSON.stringify({ matches: [value], descriptor: value }),
      ];
      const [trivy, grype] = [await readTrivyReport(texts[0]!, scanner), await readGrypeReport(texts[1]!, now)];
      for (const finding of [...trivy.findings, ...grype.findings]) {
        expect(finding.id).toMatch(/^[A-Za-z][A-Za-z0-9._:/-]{0,99}$/);
        expect(JSON.stringify(finding).length).toBeLessThan(10_000);
      }
    }),
  );
});

test('a report of 20,000 findings with all that grype says of each is read', async () => {
  const scored = {
    source: 'nvd@nist.gov',
    type: 'Primary',
    version: '3.1',
    vector: 'CVSS:3.1/AV:N',
    vendorMetadata: {},
  };
  const score = { ...scored, metrics: { baseScore: 7.5, exploitabilityScore: 3.9, impactScore: 3.6 } };
  const epss = [{ cve: 'CVE-2024-1000', epss: 0.00043, percentile: 0.1, date: '2026-11-20' }];
  const cwes = [{ cve: 'CVE-2024-1000', cwe: 'CWE-400', source: 'nvd@nist.gov', type: 'Primary' }];
  const about = { dataSource: 'https://nvd.nist.gov', namespace: 'nvd:cpe', severity: 'High', epss, cwes };
  const path = { path: '/usr/local/bin/kubectl', layerID: 'sha256:1', accessPath: '/usr/local/bin/kubectl' };
  const urls = Array.from({ length: 5 }, (_, at) => `https://go.dev/cl/${at}`);
  const match = JSON.stringify({
    vulnerability: {
      ...about,
      id: 'GHSA-aaaa-bbbb-cccc',
      urls: [],
      description: 'It reads too much',
      cvss: [score],
      fix: {
        versions: ['1.22.1'],
        state: 'fixed',
        available: [{ version: '1.22.1', date: '2024-03-05', kind: 'advisory' }],
      },
      advisories: [],
      risk: 0.03,
    },
    relatedVulnerabilities: [{ ...about, id: 'CVE-2024-1000', urls, description: 'It does', cvss: [score, score] }],
    matchDetails: [
      {
        type: 'exact-direct-match',
        matcher: 'go-module-matcher',
        searchedBy: {
          language: 'go',
          namespace: 'github:language:go',
          package: { name: 'stdlib', version: 'go1.21.3' },
        },
        found: { vulnerabilityID: 'GHSA-aaaa-bbbb-cccc', versionConstraint: '<1.21.8 (unknown)' },
        fix: { suggestedVersion: '1.21.8' },
      },
    ],
    artifact: {
      id: '0123456789abcdef',
      name: 'stdlib',
      version: 'go1.21.3',
      type: 'go-module',
      locations: [{ ...path, annotations: { evidence: 'primary' } }],
      language: 'go',
      licenses: ['BSD-3-Clause'],
      cpes: ['cpe:2.3:a:golang:go:1.21.3:-:*:*:*:*:*:*'],
      purl: 'pkg:golang/stdlib@1.21.3',
      upstreams: [],
      metadataType: 'GolangBinMetadata',
      metadata: { goCompiledVersion: 'go1.21.3', architecture: 'amd64' },
    },
  });
  const matches = Array.from({ length: 20_000 }, (_, at) => match.replaceAll('CVE-2024-1000', `CVE-2024-${1000 + at}`));
  const { findings, isCut } = await readGrypeReport(`{"matches":[${matches.join(',')}]}`, now);
  expect([findings.length, isCut]).toEqual([20_000, false]);
});

test('a report that is nothing but brackets, or values, is refused before it is made anything of', async () => {
  const brackets = `{"SchemaVersion":2,"Results":${'['.repeat(1000)}${']'.repeat(1000)}}`;
  await expect(readTrivyReport(brackets, scanner)).rejects.toThrow('the report is nested more than 64 deep');
  const values = `{"matches":[${'[],'.repeat(2_500_000)}[]]}`;
  await expect(readGrypeReport(values, now)).rejects.toThrow('the report has more than 5000000 values');
  const quoted = JSON.stringify({ SchemaVersion: 2, Results: [], quoted: `\\"${'[{"'.repeat(1000)}\\` });
  expect((await readTrivyReport(quoted, scanner)).findings).toEqual([]);
});

test('of a report of more text than is kept all findings are, without it, and others have turns meanwhile', async () => {
  const many = Array.from({ length: 10_000 }, (_, at) => ({
    VulnerabilityID: `CVE-2026-${10_000 + at}`,
    PkgName: 'libssl3',
    InstalledVersion: '3',
    Severity: 'HIGH',
    FixedVersion: '4',
    Title: 'x'.repeat(500),
    References: Array.from({ length: 10 }, (_one, link) => `https://example.com/${link}/${'y'.repeat(60)}`),
  }));
  let turns = 0;
  const ticking = { on: true };
  const tick = (): void => {
    turns++;
    if (ticking.on) setImmediate(tick);
  };
  setImmediate(tick);
  const text = JSON.stringify({ SchemaVersion: 2, Results: [{ Vulnerabilities: many }] });
  const { findings, isCut } = await readTrivyReport(text, scanner);
  ticking.on = false;
  expect([findings.length, isCut]).toEqual([10_000, false]);
  expect(findings[0]).toMatchObject({ summary: 'x'.repeat(500), severity: 'High', fixedVersion: '4' });
  expect(findings.at(-1)).toMatchObject({ summary: '', references: [], severity: 'High', fixedVersion: '4' });
  expect(JSON.stringify(findings).length).toBeLessThan(12 * 1024 * 1024);
  expect(turns).toBeGreaterThan(20);
});
