import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { endOfLifeOf, type OsRelease } from './index.ts';

const day = (at: number | undefined) => at && new Date(at).toISOString().slice(0, 10);

const cases: [OsRelease, ends: string | undefined, standardEnds?: string][] = [
  [{ id: 'debian', versionId: '11' }, '2026-09-01', '2024-08-15'],
  [{ id: 'debian', versionId: '12.5' }, '2028-07-01', '2026-07-12'],
  [{ id: 'Debian', versionCodename: 'buster' }, '2024-07-01', '2022-09-11'],
  [{ id: 'debian', versionCodename: 'sid' }, undefined],
  [{ id: 'debian', versionCodename: 'forky' }, undefined],
  [{ id: 'ubuntu', versionId: '20.04' }, '2025-05-30'],
  [{ id: 'ubuntu', versionId: '24.10' }, '2025-07-11'],
  [{ id: 'alpine', versionId: '3.19.1' }, '2025-11-02'],
  [{ id: 'alpine', versionId: '3.2.0' }, '2017-05-02'],
  [{ id: 'alpine', versionId: '3.23.0_alpha20250612', prettyName: 'Alpine Linux edge' }, undefined],
  [{ id: 'alpine', versionId: '4.0.0' }, undefined],
  [{ id: 'rhel', versionId: '7.9' }, '2024-07-01'],
  [{ id: 'centos', versionId: '8', prettyName: 'CentOS Linux 8' }, '2022-01-01'],
  [{ id: 'centos', versionId: '8', prettyName: 'CentOS Stream 8' }, '2024-06-01'],
  [{ id: 'rocky', versionId: '9.3' }, '2032-06-01'],
  [{ id: 'almalinux', versionId: '8.10' }, '2029-06-01'],
  [{ id: 'ol', versionId: '7.9' }, '2025-01-01'],
  [{ id: 'amzn', versionId: '2' }, '2026-07-01'],
  [{ id: 'amzn', versionId: '2018.03' }, '2024-01-01'],
  [{ id: 'amzn', versionId: '2023' }, '2029-07-01'],
  [{ id: 'sles', versionId: '15.5' }, '2025-01-01'],
  [{ id: 'sles', versionId: '15' }, '2020-01-01'],
  [{ id: 'opensuse-leap', versionId: '15.6' }, '2026-05-01'],
  [{ id: 'opensuse-tumbleweed', versionId: '20260801' }, undefined],
  [{ id: 'fedora', versionId: '41' }, '2025-12-16'],
  [{ id: 'photon', versionId: '4.0' }, '2027-10-12'],
  [{ id: 'wolfi', versionId: '20230201' }, undefined],
  [{ id: 'nobody', versionId: '1' }, undefined],
  [{ id: 'constructor', versionId: '1' }, undefined],
  [{ id: 'debian', versionId: 'constructor' }, undefined],
];

for (const [os, ends, standardEnds] of cases) {
  test(`${os.id} ${os.versionId ?? os.versionCodename} ${os.prettyName ?? ''} is maintained to ${ends}`, () => {
    const found = endOfLifeOf(os);
    expect(day(found?.ends)).toBe(ends);
    expect(day(found?.standardEnds)).toBe(standardEnds);
  });
}

test('whatever an image says of itself, its end is a time, or nothing is said', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('debian', 'ubuntu', 'amzn', '12', '3.19', '__proto__', 'toString'),
  );
  fc.assert(
    fc.property(
      fc.record({ id: text, versionId: text, versionCodename: text, prettyName: text }, { requiredKeys: ['id'] }),
      (os) => {
        const found = endOfLifeOf(os);
        if (!found) return;
        expect(found.ends).toBeGreaterThan(Date.UTC(2010, 0));
        expect(found.standardEnds ?? 0).toBeLessThan(found.ends);
      },
    ),
  );
});
