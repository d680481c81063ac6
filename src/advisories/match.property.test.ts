import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { matchComponent } from './match.ts';
import type { OsvEvent, OsvRecord } from './osv.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 1_000);
const timeout = 5_000 + numRuns;

/** Versions of some ecosystems in their order, so that a place among them says what is later. */
const universes: Record<string, string[]> = {
  npm: ['0.0.1', '0.1.0-alpha.1', '0.1.0', '0.9.9', '0.10.0', '1.0.0-rc.1', '1.0.0', '1.2.3', '2.0.0', '10.0.0'],
  Go: [
    'v0.0.0-20190101000000-abcdefabcdef',
    '0.1.0',
    'v0.2.0',
    '0.10.0',
    'v1.0.0-rc.1',
    '1.0.0',
    'v1.9.0',
    'v1.19.8',
    '2.0.0+incompatible',
    '3.0.0',
  ],
  Debian: [
    '0.9~rc1-1',
    '0.9-1',
    '1.0~beta-1',
    '1.0-1~deb12u1',
    '1.0-1',
    '1.0-1+deb12u1',
    '1.0-1.1',
    '1.0+dfsg-1',
    '1.1-1',
    '1:0.1-1',
  ],
  Alpine: [
    '0.9_rc1-r0',
    '0.9-r0',
    '1.0_alpha1-r0',
    '1.0-r0',
    '1.0-r1',
    '1.0-r10',
    '1.0_p1-r0',
    '1.0a-r0',
    '1.1-r0',
    '2-r0',
  ],
  PyPI: ['0.1.dev1', '0.1a1', '0.1', '0.1.post1', '0.9', '0.10rc1', '0.10', '1.0', '1.0+local', '1!0.1'],
  'Rocky Linux': [
    '0:1.0~rc1-1.el9',
    '1.0-1.el9',
    '1.0-2.el9',
    '1.0-10.el9',
    '1.0^git1-1.el9',
    '1.0.1-1.el9',
    '1.1-1.el9',
    '2-1.el9',
    '10-1.el9',
    '1:0.1-1.el9',
  ],
  Maven: ['0.9-alpha-1', '0.9-rc-1', '0.9-SNAPSHOT', '0.9', '0.9-1', '0.9.1', '1.0-beta-2', '1.0', '1.0.1', '1.10'],
};
const size = 10;
const ecosystem = fc.constantFrom(...Object.keys(universes));

/** An event at a place among the versions; -1 is `0`, before them all. */
type Point = readonly [kind: 'introduced' | 'fixed' | 'last_affected' | 'limit', at: number];
const point: fc.Arbitrary<Point> = fc.oneof(
  fc.tuple(fc.constantFrom('introduced', 'fixed', 'last_affected'), fc.nat({ max: size - 1 })),
  fc.constant(['introduced', -1] as const),
);

const eventOf = (of: string, [kind, at]: Point): OsvEvent => ({ [kind]: at < 0 ? '0' : universes[of]![at]! });
const recordOf = (of: string, points: readonly Point[]): OsvRecord => ({
  id: 'TEST-1',
  affected: [
    {
      package: { ecosystem: of, name: 'a' },
      ranges: [
        { type: of === 'npm' || of === 'Go' ? 'SEMVER' : 'ECOSYSTEM', events: points.map((one) => eventOf(of, one)) },
      ],
    },
  ],
});
const matchAt = (of: string, record: OsvRecord, at: number) =>
  matchComponent({ ecosystem: of, release: '', name: 'a', version: universes[of]![at]! }, record);

/** What a range says, without its order: something begins at or before the version, and nothing ends it in between. */
function model(points: readonly Point[], at: number): { affected: boolean; fix: number | undefined } {
  const places = (wanted: Point[0]) => points.filter(([kind]) => kind === wanted).map(([, place]) => place);
  const affected = places('introduced').some(
    (begin) =>
      begin <= at &&
      !places('fixed').some((end) => begin <= end && end <= at) &&
      !places('last_affected').some((end) => begin <= end && end < at),
  );
  const later = places('fixed').filter((end) => end > at);
  return { affected, fix: affected && later.length > 0 ? Math.min(...later) : undefined };
}

test(
  'a range says what a model without its algorithm says, in every ecosystem and in any order of events',
  () => {
    fc.assert(
      fc.property(ecosystem, fc.array(point, { maxLength: 6 }), (of, points) => {
        const record = recordOf(of, points);
        for (let at = 0; at < size; at++) {
          const match = matchAt(of, record, at);
          const { affected, fix } = model(points, at);
          expect(match !== undefined).toBe(affected);
          expect(match?.fixedVersion).toBe(fix === undefined ? undefined : universes[of]![fix]);
        }
      }),
      { numRuns },
    );
  },
  timeout,
);

test(
  'a list of the versions that a range holds says the same as the range',
  () => {
    fc.assert(
      fc.property(ecosystem, fc.array(point, { maxLength: 6 }), (of, points) => {
        const ranged = recordOf(of, points);
        const versions = universes[of]!.filter((_, at) => matchAt(of, ranged, at));
        const listed: OsvRecord = { id: 'TEST-1', affected: [{ package: { ecosystem: of, name: 'a' }, versions }] };
        for (let at = 0; at < size; at++) {
          expect(matchAt(of, listed, at) !== undefined).toBe(matchAt(of, ranged, at) !== undefined);
        }
      }),
      { numRuns },
    );
  },
  timeout,
);

test(
  'a fix takes away and adds nothing, a limit does so, and another range adds and takes nothing away',
  () => {
    const place = fc.nat({ max: size - 1 });
    fc.assert(
      fc.property(
        ecosystem,
        fc.array(point, { maxLength: 5 }),
        fc.array(point, { maxLength: 4 }),
        place,
        (of, points, more, at) => {
          const before = recordOf(of, points);
          const both: OsvRecord = { id: 'X', affected: [...before.affected!, ...recordOf(of, more).affected!] };
          for (const kind of ['fixed', 'limit'] as const) {
            const after = recordOf(of, [...points, [kind, at]]);
            for (let version = 0; version < size; version++) {
              if (matchAt(of, after, version)) expect(matchAt(of, before, version)).toBeDefined();
            }
          }
          for (let version = 0; version < size; version++) {
            if (matchAt(of, before, version)) expect(matchAt(of, both, version)).toBeDefined();
          }
        },
      ),
      { numRuns },
    );
  },
  timeout,
);

test(
  'the version that fixes is not affected itself',
  () => {
    fc.assert(
      fc.property(
        ecosystem,
        fc.array(point, { maxLength: 4 }),
        fc.array(point, { maxLength: 4 }),
        (of, points, more) => {
          // One range that ends, and beside it another.
          const both: OsvRecord = {
            id: 'X',
            affected: [...recordOf(of, points).affected!, ...recordOf(of, more).affected!],
          };
          for (let at = 0; at < size; at++) {
            const fixed = matchAt(of, both, at)?.fixedVersion;
            const begins = [...points, ...more].some(([kind, place]) => kind === 'introduced' && place > at);
            if (fixed === undefined || begins) continue;
            expect(matchAt(of, both, universes[of]!.indexOf(fixed))).toBeUndefined();
          }
        },
      ),
      { numRuns },
    );
  },
  timeout,
);
