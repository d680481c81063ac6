import { expect, test } from 'bun:test';
import { sql } from 'kysely';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { faultOf, plansOf } from '../catalog/plan.double.ts';
import { recording, type Statement } from '../catalog/statements.double.ts';
import { createBuckets, createThrottledCallers, tierMigrations } from './index.ts';

const rows = 20_000;

/** Many registries, identities and refusals. */
async function fill(db: TestDatabase): Promise<void> {
  const many = (table: string, columns: string, values: string) =>
    sql.raw(
      `INSERT INTO ${table} (${columns}) WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${rows})
        SELECT ${values} FROM i`,
    );
  const bucket = (registry: string, subject: string) =>
    many(
      'rate_buckets',
      'registry_id, name, subject, state, forget_at',
      `${registry}, 'dataplaneRead', ${subject}, '{}', 8000000000 + n * 100000`,
    );
  await db.write(async (tx) => {
    await bucket('1', `'identity' || n`).execute(tx);
    await bucket('n + 1', `''`).execute(tx);
    await many(
      'throttled_callers',
      'registry_id, day, identity, category, level, refusals, last_at',
      `n, n / 100, 'identity' || n, 'dataplaneRead', 'identity', 1, n`,
    ).execute(tx);
  });
}

async function exercise(base: TestDatabase): Promise<Statement[]> {
  const statements: Statement[] = [];
  const db = recording(base, (statement) => statements.push(statement));
  const now = () => 100 * 86_400_000;
  const buckets = createBuckets({ db, holder: 'one', now, failed: (error) => expect(error).toBeUndefined() });
  const shape = { capacity: 10, perMs: 0.001 };
  for (const subject of ['', 'somebody']) {
    const bucket = buckets.at({ registryId: 1, name: 'dataplaneWrite', subject }, shape);
    await bucket.ask();
    expect(bucket.has(1)).toBe(true);
  }
  await buckets.forget();
  const callers = createThrottledCallers(db, now);
  callers.note(1, { identity: 'somebody', category: 'dataplaneRead', level: 'identity' });
  await callers.record();
  await callers.recent();
  return statements;
}

/** Those of two days, of which there are as many as callers were refused; five thousand at most. */
const bounded = /\bFROM throttled_callers\b/;

test('no statement reads more as more is stored', async () => {
  await using db = await openTestDatabase(tierMigrations);
  await fill(db);
  const analyze = async () => void (await db.write((tx) => sql`ANALYZE`.execute(tx)));
  if (db.dialect === 'postgres') await analyze();
  const recorded = new Map([['tiers', await exercise(db)]]);
  const faults = async () => {
    const plans = await plansOf(db, recorded);
    expect(plans.length).toBeGreaterThan(5);
    return plans.filter((plan) => !bounded.test(plan.statement) && faultOf(plan) !== undefined);
  };
  expect(await faults()).toEqual([]);
  if (db.dialect === 'sqlite') await analyze();
  expect(await faults()).toEqual([]);
});
