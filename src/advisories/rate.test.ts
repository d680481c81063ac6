import { expect, test } from 'bun:test';
import type { OsvAffected, OsvRecord } from './osv.ts';
import { isMalicious, rate } from './rate.ts';

const v31 = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H';
const v30 = 'CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N';
const v4 = 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N';
const v2 = 'AV:N/AC:L/Au:N/C:C/I:C/A:C';
const cvss = (...vectors: string[]) => vectors.map((score) => ({ type: 'CVSS_V3', score }));

const said = (record: Partial<OsvRecord>, entry?: OsvAffected) => ({ record: { id: 'GHSA-1', ...record }, entry });
const short = (...statements: ReturnType<typeof said>[]) => {
  const { severity, severitySource } = rate(statements);
  return `${severity}, ${severitySource}`;
};

test('a distribution that rates its package is believed before the database and before CVSS', () => {
  const github = said({ severity: cvss(v31), database_specific: { severity: 'CRITICAL' } });
  const debian = (urgency: string) =>
    said({ id: 'DEBIAN-CVE-1', severity: cvss(v31) }, { ecosystem_specific: { urgency } });
  expect(short(github, debian('unimportant'))).toBe('Negligible, DEBIAN-CVE-1 (urgency)');
  expect(short(debian('low**'))).toBe('Low, DEBIAN-CVE-1 (urgency)');
  expect(short(debian('medium'), github)).toBe('Medium, DEBIAN-CVE-1 (urgency)');
  expect(short(debian('not yet assigned'))).toBe('Critical, DEBIAN-CVE-1 (CVSS 3.1)');
  expect(short(debian('end-of-life'), github)).toBe('Critical, GHSA-1 (severity)');
  const ubuntu = said({ id: 'UBUNTU-CVE-1', severity: [...cvss(v31), { type: 'Ubuntu', score: 'low' }] });
  expect(short(ubuntu, github)).toBe('Low, UBUNTU-CVE-1 (priority)');
  expect(short(said({ id: 'TRIVY-1' }, { ecosystem_specific: { severity: 'HIGH' } }))).toBe(
    'High, TRIVY-1 (severity of the package)',
  );
});

test('the word of a database comes before CVSS, and CVSS 4.0 before 3.1, 3.0 and 2.0', () => {
  expect(short(said({ severity: cvss(v31), database_specific: { severity: 'MODERATE' } }))).toBe(
    'Medium, GHSA-1 (severity)',
  );
  expect(short(said({ severity: cvss(v2, v30, v31, v4) }))).toBe('Medium, GHSA-1 (CVSS 4.0)');
  expect(short(said({ severity: cvss(v2, v30, v31) }))).toBe('Critical, GHSA-1 (CVSS 3.1)');
  expect(short(said({ severity: cvss(v2, v30) }))).toBe('High, GHSA-1 (CVSS 3.0)');
  expect(short(said({ severity: cvss(v2) }))).toBe('High, GHSA-1 (CVSS 2.0)');
  expect(short(said({ severity: cvss('9.8', 'nonsense') }))).toBe('Unknown, ');
  expect(short(said({}))).toBe('Unknown, ');
  expect(rate([])).toEqual({ severity: 'Unknown', severitySource: '', cvss: [] });
});

test('of several that say something in the same way, the worst counts', () => {
  const low = said({ id: 'PYSEC-1', severity: cvss('CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N') });
  expect(short(low, said({ severity: cvss(v31) }))).toBe('Critical, GHSA-1 (CVSS 3.1)');
  expect(
    short(
      said({ id: 'A', database_specific: { severity: 'LOW' } }),
      said({ id: 'B', database_specific: { severity: 'HIGH' } }),
    ),
  ).toBe('High, B (severity)');
});

test('every vector is kept with its source and its score', () => {
  const { cvss: found } = rate([
    said({ severity: cvss(v2, v31) }),
    said({ id: 'PYSEC-1', severity: cvss(v4, 'none') }),
  ]);
  expect(found).toEqual([
    { source: 'PYSEC-1', vector: v4, score: 6.9 },
    { source: 'GHSA-1', vector: v31, score: 9.8 },
    { source: 'GHSA-1', vector: v2, score: 10 },
  ]);
});

test('what is said of the package stands for what is said of the whole', () => {
  expect(short(said({ severity: cvss(v31) }, { severity: cvss(v30) }))).toBe('High, GHSA-1 (CVSS 3.0)');
});

test('hostile packages are critical, whatever else is said', () => {
  expect(isMalicious({ id: 'MAL-2024-1' })).toBe(true);
  expect(isMalicious({ id: 'GHSA-1', aliases: ['CVE-1', 'MAL-2024-1'] })).toBe(true);
  expect(isMalicious({ id: 'GHSA-1' })).toBe(false);
  expect(short(said({ id: 'MAL-2024-1', database_specific: { severity: 'LOW' } }))).toBe(
    'Critical, MAL-2024-1 (malicious package)',
  );
});

test('hostile records are rated without an error', () => {
  const records = [
    { id: 'X', severity: 'no' },
    { id: 'X', severity: [null, {}, { score: 5 }] },
    { id: 'X', database_specific: { severity: ['HIGH'] } },
    { id: 'X', database_specific: { severity: '__proto__' } },
    { id: 'X', severity: Array.from({ length: 100_000 }, () => ({ type: 'CVSS_V3', score: v31 })) },
  ] as unknown as OsvRecord[];
  for (const record of records) expect(rate([{ record, entry: undefined }]).cvss.length).toBeLessThanOrEqual(20);
});
