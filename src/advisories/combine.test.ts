import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { combine, type Named } from './combine.ts';
import { readRecord } from './read-record.ts';
import { bounds } from './bounds.ts';

const named = (id: string, aliases: string[] = [], upstream: string[] = []): Named => ({
  record: { id, aliases, upstream },
});
const shown = (...advisories: Named[]) =>
  combine(advisories).map(({ id, aliases, members }) => [id, aliases, members.map(({ record }) => record.id)]);

test('advisories that are aliases of each other are one vulnerability, shown by its CVE', () => {
  expect(shown(named('GHSA-1', ['CVE-2026-0001']), named('GO-1', ['GHSA-1']), named('PYSEC-9'))).toEqual([
    ['CVE-2026-0001', ['GHSA-1', 'GO-1'], ['GHSA-1', 'GO-1']],
    ['PYSEC-9', [], ['PYSEC-9']],
  ]);
});

test('a notice of a distribution that is its word on several CVEs is one of each', () => {
  expect(
    shown(named('USN-1', [], ['CVE-2026-0001', 'CVE-2026-0002']), named('UBUNTU-CVE-2026-0002', [], ['CVE-2026-0002'])),
  ).toEqual([
    ['CVE-2026-0001', [], ['USN-1']],
    ['CVE-2026-0002', [], ['USN-1', 'UBUNTU-CVE-2026-0002']],
  ]);
});

test('every advisory is in a group, ids are in one group each, and the order of advisories says nothing', () => {
  const id = fc.constantFrom('A-1', 'A-2', 'A-3', 'CVE-2026-0001', 'CVE-2026-0002', 'CVE-2026-0003', 'GHSA-1');
  const advisory = fc.record({ id, aliases: fc.array(id, { maxLength: 3 }), upstream: fc.array(id, { maxLength: 3 }) });
  fc.assert(
    fc.property(fc.uniqueArray(advisory, { maxLength: 6, selector: (one) => one.id }), (records) => {
      const advisories = records.map((record) => ({ record }));
      const groups = combine(advisories);
      expect(new Set(groups.flatMap(({ members }) => members))).toEqual(new Set(advisories));
      const ids = groups.flatMap((group) => [group.id, ...group.aliases]);
      expect(new Set(ids).size).toBe(ids.length);
      const plain = (all: typeof groups) =>
        all.map((group) => [group.id, group.aliases, group.members.map(({ record }) => record.id).toSorted()]);
      expect(plain(combine(advisories.toReversed()))).toEqual(plain(groups));
    }),
    { numRuns: Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 500), 20_000) },
  );
});

test('whatever a record is, reading it ends, and what is kept of it is within bounds', () => {
  const loose = fc.record(
    {
      id: fc.oneof(fc.string(), fc.constant('A-1')),
      withdrawn: fc.jsonValue(),
      aliases: fc.jsonValue(),
      severity: fc.jsonValue(),
      references: fc.jsonValue(),
      summary: fc.string({ maxLength: 3000 }),
      details: fc.jsonValue(),
      database_specific: fc.jsonValue(),
      affected: fc.oneof(
        fc.jsonValue(),
        fc.array(
          fc.record({
            package: fc.record({ ecosystem: fc.oneof(fc.string(), fc.constant('npm')), name: fc.string() }),
            versions: fc.oneof(fc.jsonValue(), fc.array(fc.string())),
            ranges: fc.oneof(
              fc.jsonValue(),
              fc.array(
                fc.record({
                  type: fc.constantFrom('SEMVER', 'GIT', 'x'),
                  events: fc.array(fc.dictionary(fc.constantFrom('introduced', 'fixed'), fc.jsonValue())),
                }),
              ),
            ),
          }),
        ),
      ),
    },
    { requiredKeys: ['id'] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), loose), (json) => {
      const read = readRecord(json);
      if (read.kind !== 'advisory') return;
      const { record, affected } = read.advisory;
      expect(record.summary?.length ?? 0).toBeLessThanOrEqual(bounds.summary);
      for (const { ecosystem, name, entry } of affected) {
        expect(`${ecosystem}${name}`).not.toMatch(/\p{Cc}/u);
        expect((entry.versions ?? []).length + (entry.ranges ?? []).length).toBeGreaterThan(0);
      }
      // As it is stored, and read from a bundle.
      const again = readRecord({ ...record, affected: affected.map(({ entry: one }) => one) });
      expect(again).toEqual(read);
    }),
    { numRuns: Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 500), 20_000) },
  );
});

test('records that are nested without end are cut off', () => {
  let deep: unknown = 1;
  for (let n = 0; n < 100_000; n++) deep = { deep };
  const read = readRecord({
    id: 'A-1',
    affected: [{ package: { ecosystem: 'npm', name: 'x' }, versions: ['1'] }],
    database_specific: { deep, severity: 'HIGH' },
  });
  expect(read).toMatchObject({ kind: 'advisory', advisory: { record: { database_specific: { severity: 'HIGH' } } } });
});

test('a chain of aliases as long as there are advisories is one vulnerability, found in little time', () => {
  const long = Array.from({ length: 20_000 }, (_, n) => named(`A-${n}`, n === 0 ? [] : [`A-${n - 1}`]));
  const began = performance.now();
  expect(combine(long)).toMatchObject([{ members: { length: 20_000 } }]);
  expect(performance.now() - began).toBeLessThan(2000);
});
