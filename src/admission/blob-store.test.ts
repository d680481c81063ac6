import { afterAll, beforeAll, expect, test } from 'bun:test';
import fc from 'fast-check';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { catalogMigrations } from '../catalog/index.ts';
import { contentMigrations } from '../content/index.ts';
import { rowsOf } from '../database/index.ts';
import { eventMigrations } from '../events/index.ts';
import { findLetting } from './blob-store.ts';
import { digestNumber } from './facts.double.ts';
import { admissionMigrations } from './tables.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase([...eventMigrations, ...contentMigrations, ...catalogMigrations, ...admissionMigrations]);
});
afterAll(() => db[Symbol.asyncDispose]());

const blob = digestNumber(999_999);
let repositoryId = 0;

/** A repository of its own: images that have the blob, and images whose verdict lets blobs out. */
async function repository(naming: readonly number[], letting: readonly number[], revision = 'r'): Promise<number> {
  const id = ++repositoryId;
  const references = naming.map((n) => [1, id, digestNumber(n), blob, 'layer', 1, 1, 'l']);
  const verdicts = letting.map((n) => [1, id, digestNumber(n), 'allow', revision, 0, 0, body, 0, 100, 100, 1]);
  await db.write(async (tx) => {
    for (const { rows, values } of rowsOf(references))
      tx.send(
        `INSERT INTO manifest_references (registry_id, repository_id, manifest_digest, digest, role, required, size, media_type)
          VALUES ${rows}`,
        values,
      );
    for (const { rows, values } of rowsOf(verdicts))
      tx.send(
        `INSERT INTO verdicts (registry_id, repository_id, digest, effect, revision, evidence_version, state_version, body,
          evaluated_at, valid_until, due, lets_blobs) VALUES ${rows}`,
        values,
      );
  });
  return id;
}

const body = JSON.stringify({ effect: 'allow', depends: false });

const find = (id: number, { behind = '', revision = 'r', now = 0 } = {}) =>
  findLetting(db, { repositoryId: id, digest: blob }, revision, { behind, now });

test('each image that has a blob and lets it out is found, one behind the other, and no other one', async () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(numbers, numbers, async (naming, letting) => {
      const id = await repository(naming, letting);
      const found: string[] = [];
      for (let behind = ''; ;) {
        const next = await find(id, { behind });
        if (!next) break;
        found.push((behind = next.digest));
      }
      const both = naming.filter((n) => letting.includes(n)).map((n) => digestNumber(n));
      expect(found).toEqual(both.toSorted());
    }),
    { numRuns: Number(process.env['BONDED_TEST_RUNS'] ?? 40) },
  );
});

test('a verdict that is over, or by other rules, lets nothing out', async () => {
  const id = await repository([1], [1]);
  expect(await find(id, { now: 99 })).toMatchObject({ digest: digestNumber(1), decision: { effect: 'allow' } });
  expect(await find(id, { now: 100 })).toMatchObject({ digest: digestNumber(1), decision: undefined });
  expect(await find(id, { revision: 's' })).toBeUndefined();
});

const upTo = (count: number, step = 1) => Array.from({ length: count }, (_, n) => 1 + n * step);

test('of 10,000 images that have a layer the last one is found, by one statement, where it alone is let out', async () => {
  const id = await repository(upTo(10_000), [10_000]);
  expect(await find(id)).toMatchObject({ digest: digestNumber(10_000), decision: { effect: 'allow' } });
  // And the other way round: ten thousand are let out, and one of them has it.
  const other = await repository([10_000], upTo(10_000));
  expect(await find(other)).toMatchObject({ digest: digestNumber(10_000) });
});

test('a look ends where the two go on beside each other without ever meeting', async () => {
  const [even, odd] = [upTo(4000, 2), upTo(4000, 2).map((n) => n + 1)];
  const last = 9001;
  const id = await repository([...even, last], [...odd, last]);
  expect(await find(id)).toBeUndefined();
  expect(await find(id, { behind: digestNumber(7900) })).toMatchObject({ digest: digestNumber(last) });
});
