import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { openTestDatabase } from '../../test/support/database.ts';
import type { Digest } from '../oci/index.ts';
import {
  claimScan,
  failScan,
  finishScan,
  giveBackScan,
  hurryScan,
  isPulled,
  mostAttempts,
  priorities,
  recoverScans,
  requestScan,
  type ScanReason,
  type TakenScan,
} from './queue.ts';
import { scanningMigrations } from './tables.ts';

const runs = Number(process.env['BONDED_TEST_RUNS'] ?? 15);
const images = ['a', 'b', 'c', 'd'] as const;
const reasons = ['schedule', 'push', 'asked', 'pull'] as const;

interface Expected {
  state: 'queued' | 'running' | 'done' | 'failed';
  priority: number;
  notBefore: number;
  attempts: number;
  requests: number;
  /** Order among those of one priority and time. */
  number: number;
  by?: { node: number; fence: number; requests: number };
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('request' as const),
      image: fc.constantFrom(...images),
      reason: fc.constantFrom(...reasons),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('hurry' as const), image: fc.constantFrom(...images) }) },
  { weight: 5, arbitrary: fc.record({ does: fc.constant('claim' as const), node: fc.constantFrom(1, 2) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constantFrom('finish' as const, 'fail' as const, 'giveBack' as const),
      of: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('die' as const), node: fc.constantFrom(1, 2) }) },
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('wait' as const), ms: fc.constantFrom(1, 10_000, 3_000_000) }),
  },
);

test('whatever two nodes do with the queue, each image is run as it says, by one of them at a time, and none is lost', async () => {
  await using db = await openTestDatabase(scanningMigrations);
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await db.write((tx) => tx.run('DELETE FROM scans', []));
      const prefix = `sha256:${round++}`;
      const digest = (image: string) => `${prefix}${image}` as Digest;
      const model = new Map<string, Expected>();
      const running: { image: string; taken: TakenScan; node: number }[] = [];
      let now = 1_000_000;
      let numbers = 0;
      const request = (image: string, reason: ScanReason) => {
        const priority = priorities[reason];
        const known = model.get(image);
        if (!known) {
          model.set(image, { state: 'queued', priority, notBefore: now, attempts: 0, requests: 1, number: numbers++ });
          return;
        }
        known.requests++;
        known.priority = known.state === 'queued' ? Math.max(known.priority, priority) : priority;
        if (known.state === 'failed') known.attempts = 0;
        if (known.state !== 'running') Object.assign(known, { state: 'queued', notBefore: now });
      };
      const next = () =>
        [...model]
          .filter(([, { state, notBefore }]) => state === 'queued' && notBefore <= now)
          .toSorted(([, a], [, b]) => b.priority - a.priority || a.notBefore - b.notBefore || a.number - b.number)[0];
      const isOwn = ({ image, taken }: { image: string; taken: TakenScan }) => {
        const known = model.get(image)!;
        return known.state === 'running' && known.by!.fence === taken.fence;
      };
      for (const one of steps) {
        if (one.does === 'request') {
          await requestScan(db, digest(one.image), one.reason, now);
          request(one.image, one.reason);
        } else if (one.does === 'hurry') {
          await hurryScan(db, digest(one.image), now);
          const known = model.get(one.image);
          if (!known) request(one.image, 'pull');
          else if (known.state === 'queued') known.priority = priorities.pull;
        } else if (one.does === 'claim') {
          const expected = next();
          expect(await isPulled(db, now)).toBe(expected?.[1].priority === priorities.pull);
          const taken = await claimScan(db, now, one.node);
          expect(taken?.digest).toBe(expected && digest(expected[0]));
          if (!taken || !expected) continue;
          const [image, known] = expected;
          known.state = 'running';
          known.attempts++;
          expect(taken.attempts).toBe(known.attempts);
          known.by = { node: one.node, fence: taken.fence, requests: known.requests };
          running.push({ image, taken, node: one.node });
        } else if (one.does === 'wait') {
          now += one.ms;
        } else if (one.does === 'die') {
          const gone = one.node;
          const claims = { self: () => 3 - gone, isAlive: (column: string) => `${column} = ${3 - gone}` };
          const mine = running.filter((scan) => scan.node !== gone && isOwn(scan)).map(({ taken }) => taken.id);
          const left = await recoverScans(db, now, mine, claims);
          const lost = [...model].filter(([, { state, by }]) => state === 'running' && by!.node === gone);
          for (const [, known] of lost)
            Object.assign(known, { state: known.attempts < mostAttempts ? 'queued' : 'failed', notBefore: now });
          expect(left.toSorted()).toEqual(
            lost
              .filter(([, { state }]) => state === 'failed')
              .map(([image]) => digest(image))
              .toSorted(),
          );
        } else {
          const [scan] = running.splice(one.of, 1);
          if (!scan) continue;
          const own = isOwn(scan);
          const known = model.get(scan.image)!;
          if (one.does === 'finish') {
            expect(await finishScan(db, scan.taken, now)).toBe(own);
            if (own)
              Object.assign(known, { state: known.by!.requests === known.requests ? 'done' : 'queued', attempts: 0 });
          } else if (one.does === 'giveBack') {
            await giveBackScan(db, scan.taken);
            if (own) Object.assign(known, { state: 'queued', attempts: known.attempts - 1 });
          } else {
            const again = await failScan(db, scan.taken, 'no', now);
            expect(again).toBe(!own || known.attempts < mostAttempts);
            if (own) {
              const pause = 10_000 * 4 ** (known.attempts - 1);
              Object.assign(known, { state: again ? 'queued' : 'failed', notBefore: now + pause });
            }
          }
        }
        const rows = await db.all<{
          digest: string;
          state: string;
          priority: number;
          attempts: number;
          notBefore: number;
        }>('SELECT digest, state, priority, attempts, not_before AS "notBefore" FROM scans ORDER BY digest', []);
        expect(rows).toEqual(
          [...model]
            .map(([image, { state, priority, attempts, notBefore }]) => ({
              digest: digest(image),
              state,
              priority,
              attempts,
              notBefore,
            }))
            .toSorted((a, b) => (a.digest < b.digest ? -1 : 1)),
        );
      }
    }),
    { numRuns: runs },
  );
}, 120_000);

test('of many who take from the queue at once each gets another image', async () => {
  await using db = await openTestDatabase(scanningMigrations, { poolSize: 8 });
  const wanted = Array.from({ length: 24 }, (_, n) => `sha256:${n}` as Digest);
  for (const digest of wanted) await requestScan(db, digest, 'push', 0);
  const taken: TakenScan[] = [];
  const take = async (node: number) => {
    for (let scan; (scan = await claimScan(db, 1, node));) taken.push(scan);
  };
  // Whoever finds what another has just taken gets nothing, and looks again in a moment.
  for (let rounds = 0; taken.length < wanted.length && rounds < 50; rounds++) await Promise.all([1, 2, 3, 4].map(take));
  expect(taken.map(({ digest }) => digest).toSorted()).toEqual(wanted.toSorted());
});
