import { describe, expect, test } from 'bun:test';
import { testdata } from '../../test/support/testdata.ts';
import { filesOfZip } from '../../test/support/zip.ts';
import { matchComponent } from './match.ts';
import type { OsvRecord } from './osv.ts';
import { statusIn } from './ranges.ts';
import { rate } from './rate.ts';

/** Records of an export, read once; `given` are tests that need them. */
function recordsOf(ecosystem: string) {
  const file = testdata(`osv/${ecosystem}/all.zip`);
  let read: OsvRecord[] | undefined;
  const records = () =>
    (read ??= [...filesOfZip(file!)].map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)) as OsvRecord));
  return { given: test.skipIf(file === undefined), records };
}

const go = recordsOf('Go');
const pypi = recordsOf('PyPI');

/** What is known against a version: its fix by the id of the record; `open` where there is none. */
function known(
  records: readonly OsvRecord[],
  ecosystem: string,
  name: string,
  version: string,
): Record<string, string> {
  const found = records.flatMap((record) => {
    const match = matchComponent({ ecosystem, release: '', name, version }, record);
    return match ? [[record.id, match.fixedVersion ?? 'open'] as const] : [];
  });
  return Object.fromEntries(found);
}

describe('against the real records of Go', () => {
  go.given('the library of go1.19.8 has what was found since, fixed in its own branch or a later one', () => {
    const found = known(go.records(), 'Go', 'stdlib', '1.19.8');
    expect(Object.keys(found)).toHaveLength(80);
    expect(found).toMatchObject({ 'GO-2023-1751': '1.19.9', 'GO-2023-1840': '1.19.10' });
    // CVE-2023-24534 was fixed in 1.19.8 and in 1.20.3.
    expect(found).not.toHaveProperty('GO-2023-1704');
    expect(known(go.records(), 'Go', 'stdlib', '1.19.7')).toHaveProperty('GO-2023-1704', '1.19.8');
    expect(known(go.records(), 'Go', 'stdlib', '1.20.2')).toHaveProperty('GO-2023-1704', '1.20.3');
    expect(known(go.records(), 'Go', 'stdlib', 'go1.19.8')).toEqual(found);
  });

  go.given('modules are known by their exact path, pseudo-versions and +incompatible have their place', () => {
    const name = 'github.com/seccomp/libseccomp-golang';
    expect(known(go.records(), 'Go', name, 'v0.9.0')).toEqual({
      'GO-2020-0007': '0.9.1-0.20170424173420-06e7a29f36a3',
    });
    expect(known(go.records(), 'Go', name, 'v0.9.1-0.20170424173419-aaaaaaaaaaaa')).toHaveProperty('GO-2020-0007');
    expect(known(go.records(), 'Go', name, 'v0.9.1-0.20170424173420-06e7a29f36a3')).toEqual({});
    expect(known(go.records(), 'Go', name.toUpperCase(), 'v0.9.0')).toEqual({});
    expect(known(go.records(), 'Go', 'github.com/docker/docker', 'v20.10.0+incompatible')).not.toEqual({});
  });
});

describe('against the real records of PyPI', () => {
  pypi.given('versions of Django have what was found in them', () => {
    const found = (version: string) => known(pypi.records(), 'PyPI', 'django', version);
    expect(found('4.2.15')).toEqual({ 'PYSEC-2024-102': '4.2.16' });
    expect(found('4.2.16')).toEqual({});
    expect(found('5.1')).toEqual({ 'PYSEC-2024-102': '5.1.1' });
    expect(found('2.2')).toMatchObject({ 'PYSEC-2019-10': '2.2.3' });
    expect(Object.keys(found('2.2.0'))).toHaveLength(Object.keys(found('2.2')).length);
    const sql = pypi.records().find(({ id }) => id === 'PYSEC-2021-439')!;
    expect(sql.aliases).toContain('CVE-2021-44420');
  });

  pypi.given(
    'versions that records list are those that their ranges hold, but for records that contradict themselves',
    () => {
      let same = 0;
      const others = new Set<string>();
      for (const { id, affected = [] } of pypi.records()) {
        for (const { ranges = [], versions = [] } of affected) {
          const ordered = ranges.filter(({ type }) => type === 'ECOSYSTEM');
          for (const version of ordered.length > 0 ? versions : []) {
            if (ordered.some((range) => statusIn('PyPI', range, version).affected)) same++;
            else others.add(id);
          }
        }
      }
      console.log(`${same} listed versions are in their ranges`);
      expect(same).toBeGreaterThan(140_000);
      // They list versions before their `introduced`, pre-releases above all.
      const contradicting = ['PYSEC-2021-114', 'PYSEC-2022-236', 'PYSEC-2023-177', 'PYSEC-2023-61', 'PYSEC-2023-72'];
      expect([...others].toSorted()).toEqual(contradicting);
    },
  );

  pypi.given('every vector has a score', () => {
    const rated = pypi.records().filter(({ severity }) => severity);
    expect(rated.length).toBeGreaterThan(200);
    for (const record of rated) {
      const { severity, severitySource, cvss } = rate([{ record, entry: record.affected?.[0] }]);
      expect(cvss).toHaveLength(record.severity!.length);
      expect(severity).not.toBe('Unknown');
      expect(severitySource).toStartWith(record.id);
    }
  });
});

go.given('withdrawn records match nothing', () => {
  const withdrawn = [...go.records(), ...pypi.records()].filter((record) => record.withdrawn);
  let otherwise = 0;
  for (const record of withdrawn) {
    for (const { package: of } of record.affected ?? []) {
      const component = { ecosystem: of!.ecosystem, release: '', name: of!.name.toLowerCase(), version: '0.0.1' };
      expect(matchComponent(component, record)).toBeUndefined();
      if (matchComponent(component, { ...record, withdrawn: '' })) otherwise++;
    }
  }
  expect(otherwise).toBeGreaterThan(10);
});

go.given('a record is compared with hundreds of thousands of components in seconds', () => {
  const records = go.records();
  const versions = Array.from({ length: 1000 }, (_, at) => `v${at % 4}.${at % 37}.${at}`);
  const started = performance.now();
  let compared = 0;
  for (const [at, record] of records.entries()) {
    for (let of = 0; of < 50; of++) {
      const version = versions[(at * 31 + of * 17) % 1000]!;
      matchComponent({ ecosystem: 'Go', release: '', name: record.affected![0]!.package!.name, version }, record);
      compared++;
    }
  }
  const ms = performance.now() - started;
  console.log(`${compared} components compared with their records: ${ms.toFixed(0)} ms`);
  expect(ms).toBeLessThan(30_000);
});
