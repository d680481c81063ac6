import { expect, test } from 'bun:test';
import { sql } from 'kysely';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { faultOf, plansOf } from '../catalog/plan.double.ts';
import { recording, type Statement } from '../catalog/statements.double.ts';
import { eventMigrations } from '../events/index.ts';
import { isAlive, jobMigrations } from '../jobs/index.ts';
import { createOperations, groupScope, operationMigrations } from '../operations/index.ts';
import { createMirror, createResources, resourceMigrations } from './index.ts';

const rows = 20_000;
const by = 'tester';
const registries = 'Microsoft.ContainerRegistry/registries';
const registry = (name: string) => `${groupScope}/providers/${registries}/${name}`;

/** One registry with many tokens beside as many registries, and as many that were deleted. */
async function fill(db: TestDatabase): Promise<void> {
  const many = (table: string, columns: string, values: string) =>
    sql.raw(
      `INSERT INTO ${table} (${columns}) WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${rows})
        SELECT ${values} FROM i`,
    );
  const columns =
    '"key", id, type, parent, body, etag, created_at, updated_at, created_by, updated_by, stamp, home, deleted_at';
  const group = groupScope.toLowerCase();
  const type = registries.toLowerCase();
  const resource = (key: string, kind: string, parent: string, stamp: string, deleted: string) =>
    many(
      'resources',
      columns,
      `${key}, ${key}, '${kind}', ${parent}, '{"properties":{}}', 'e' || n, 0, 0, 'x', 'x', ${stamp}, '', ${deleted}`,
    );
  await db.write(async (tx) => {
    const own = `'${registry('big').toLowerCase()}/tokens/t' || n`;
    await resource(own, `${type}/tokens`, `'${registry('big').toLowerCase()}'`, 'n', 'NULL').execute(tx);
    const beside = `'${group}/providers/${type}/r' || n`;
    await resource(beside, type, `'${group}'`, `n + ${rows}`, 'NULL').execute(tx);
    const gone = `'${group}/providers/${type}/gone' || n`;
    await resource(gone, type, `'${group}'`, `n + ${2 * rows}`, 'n').execute(tx);
    await many(
      'operations',
      'id, resource, status, started_at, principal',
      `'o' || n, 'r', CASE WHEN n % 100 = 0 THEN 'InProgress' ELSE 'Succeeded' END, n * 100000, 'x'`,
    ).execute(tx);
    await tx.run('UPDATE resource_clock SET value = ? WHERE id = 1', [3 * rows]);
  });
}

/** Everything that is asked of the table, but for loading a mirror, which reads all there is. */
async function exercise(base: TestDatabase): Promise<Statement[]> {
  const statements: Statement[] = [];
  const db = recording(base, (statement) => statements.push(statement));
  const resources = createResources(db, { now: () => rows * 100_000 });
  const mirror = await createMirror(resources, [`${registries}/tokens`]);
  const acme = registry('Acme');
  const token = `${acme}/tokens/a`;
  await resources.put(acme, { properties: {} }, { by, most: 2 * rows });
  await resources.put(token, { properties: {} }, { by });
  await resources.put(token, { properties: { a: 1 } }, { by });
  await resources.patch(token, () => ({ properties: { a: 2 } }), { by });
  await resources.get(token);
  await resources.list({ type: registries, parent: groupScope, after: acme.toLowerCase() });
  await resources.list({ type: registries, after: acme.toLowerCase() });
  await resources.delete(acme, { by, cascade: false }).catch(() => {});
  await mirror.refresh();
  await resources.delete(acme, { by });
  await mirror.refresh();
  await resources.trimTombstones(5, 3);
  const claims = db.dialect === 'postgres' ? { self: () => 7, isAlive } : undefined;
  const operations = createOperations(db, { now: () => rows * 100_000, claims });
  const id = await db.write((tx) => operations.start(tx, { resourceId: acme, principal: by, work: {} }));
  await operations.waiting(5);
  const taken = (await operations.take(id))!;
  await operations.report(taken, { percentComplete: 1 });
  await operations.giveBack(taken);
  await operations.finish((await operations.take(id))!, { status: 'Succeeded' });
  await operations.get(id);
  await operations.trim(3);
  return statements;
}

/** The clock is one row; what is counted, and what is under way, ends at the most that there may be. */
const bounded = /\bresource_clock\b|\bAS (?:counted|underway)\b/;

test('no statement reads more as more is stored', async () => {
  await using db = await openTestDatabase([
    ...jobMigrations,
    ...eventMigrations,
    ...operationMigrations,
    ...resourceMigrations,
  ]);
  await fill(db);
  const analyze = async () => void (await db.write((tx) => sql`ANALYZE`.execute(tx)));
  if (db.dialect === 'postgres') await analyze();
  const recorded = new Map([['resources', await exercise(db)]]);
  const plans = await plansOf(db, recorded);
  expect(plans.length).toBeGreaterThan(15);
  const faults = plans.filter((plan) => !bounded.test(plan.statement) && faultOf(plan) !== undefined);
  expect(faults.map((plan) => ({ fault: faultOf(plan), ...plan }))).toEqual([]);
  for (const { skips, statement } of plans) expect([statement, skips]).toEqual([statement, undefined]);
  if (db.dialect === 'sqlite') await analyze();
  const again = await plansOf(db, recorded);
  expect(again.filter((plan) => !bounded.test(plan.statement) && faultOf(plan) !== undefined)).toEqual([]);
});
