import { expect, test } from 'bun:test';
import { openTestDatabase } from '../../test/support/database.ts';
import { createOperations, groupScope, operationMigrations, operationRetentionMs } from './index.ts';

const resourceId = `${groupScope}/providers/Microsoft.Test/things/Thing`;
const day = 86_400_000;
const of = (id: string, holder: number | null = null) => ({ id, holder });

test('an operation is what became of it first, and forgotten in time', async () => {
  await using db = await openTestDatabase(operationMigrations);
  let now = 1000;
  const operations = createOperations(db, { now: () => now });
  const start = () => db.write((tx) => operations.start(tx, { resourceId, principal: 'anna', work: { n: 1 } }));
  const [done, failed, open] = [await start(), await start(), await start()];
  expect(await operations.get(done)).toEqual({
    id: done,
    resource: resourceId.toLowerCase(),
    status: 'InProgress',
    error: undefined,
    result: undefined,
    progress: undefined,
    startedAt: 1000,
    endedAt: undefined,
    principal: 'anna',
  });
  now = 2000;
  expect(await operations.finish(of(done), { status: 'Succeeded', result: { n: 1 } })).toBe(true);
  expect(await operations.finish(of(done), { status: 'Canceled', error: { code: 'a', message: 'b' } })).toBe(false);
  await operations.finish(of(failed), { status: 'Failed', error: { code: 'Conflict', message: 'why' } });
  expect(await operations.get(done)).toMatchObject({ status: 'Succeeded', result: { n: 1 }, endedAt: 2000 });
  expect(await operations.get(failed)).toMatchObject({ status: 'Failed', error: { code: 'Conflict', message: 'why' } });
  expect(await operations.get('none')).toBeUndefined();

  now = 1001 + operationRetentionMs;
  expect([await operations.trim(1), await operations.trim(1), await operations.trim(1)]).toEqual([1, 1, 0]);
  expect(await operations.get(done)).toBeUndefined();
  // What is under way is never forgotten.
  expect(await operations.get(open)).toMatchObject({ status: 'InProgress' });
});

test('what a version without work of its own has left behind fails after a day', async () => {
  await using db = await openTestDatabase(operationMigrations);
  await db.write((tx) =>
    tx.run(
      `INSERT INTO operations (id, resource, status, started_at, principal) VALUES ('old', '/x', 'InProgress', 1000, 'a')`,
      [],
    ),
  );
  let now = 1000 + day;
  const operations = createOperations(db, { now: () => now });
  expect([await operations.trim(), await operations.waiting(10), await operations.take('old')]).toEqual([
    0,
    [],
    undefined,
  ]);
  now++;
  expect(await operations.trim()).toBe(1);
  expect(await operations.get('old')).toMatchObject({ status: 'Failed', error: { code: 'OperationFailed' } });
});

test('an operation is one node’s at a time, and whoever lost it writes nothing more about it', async () => {
  await using db = await openTestDatabase(operationMigrations);
  const alive = new Set([1, 2]);
  const isAlive = (column: string) => `COALESCE(${column} IN (${[...alive].join(', ') || '0'}), FALSE)`;
  // The text of a statement is prepared once: who is alive is looked up anew by a node that is made anew.
  const node = (self: number) => createOperations(db, { now: () => 1000, claims: { self: () => self, isAlive } });
  const waitingOf = async (self: number) => (await node(self).waiting(10)).map(({ id: one }) => one);
  const secret = { resourceId, principal: 'anna', work: { n: 1 }, seal: (id: string) => `sealed for ${id}` };
  const id = await db.write((tx) => node(1).start(tx, secret));
  expect([await waitingOf(1), await waitingOf(2)]).toEqual([[id], [id]]);
  const [one, other] = await Promise.all([node(1).take(id), node(2).take(id)]);
  const first = (one ?? other)!;
  expect([one, other].filter((taken) => taken !== undefined)).toHaveLength(1);
  expect(first).toMatchObject({ work: { n: 1 }, sealed: `sealed for ${id}`, attempts: 1 });
  const [mine, its] = first.holder === 1 ? [1, 2] : [2, 1];
  expect(await waitingOf(its)).toEqual([]);
  expect(await node(mine).report(first, { percentComplete: 7, blobs: 3 })).toBe(true);
  expect(await node(its).take(id)).toBeUndefined();

  alive.delete(mine);
  expect(await waitingOf(its)).toEqual([id]);
  const second = (await node(its).take(id))!;
  expect(second).toMatchObject({ attempts: 2, holder: its, progress: { percentComplete: 7, blobs: 3 } });
  expect(await node(mine).report(first, { percentComplete: 9 })).toBe(false);
  expect(await node(mine).finish(first, { status: 'Succeeded' })).toBe(false);
  await node(mine).giveBack(first);
  expect(await node(its).report(second, { percentComplete: 9 })).toBe(true);

  await node(its).giveBack(second, true);
  const third = (await node(its).take(id))!;
  expect(third.attempts).toBe(2);
  expect(await node(its).finish(third, { status: 'Succeeded' })).toBe(true);
  const [row] = await db.all<{ work: null; sealed: null }>('SELECT work, sealed FROM operations', []);
  expect(row).toEqual({ work: null, sealed: null });
  expect(await node(its).take(id)).toBeUndefined();
});

test('what is in the memory of one node alone waits for that node as long as it is alive', async () => {
  await using db = await openTestDatabase(operationMigrations);
  let alive = '1, 2';
  const isAlive = (column: string) => `COALESCE(${column} IN (${alive}), FALSE)`;
  const node = (self: number) => createOperations(db, { now: () => 1000, claims: { self: () => self, isAlive } });
  const waitingOf = async (self: number) => (await node(self).waiting(10)).map(({ id: one }) => one);
  const id = await db.write((tx) =>
    node(1).start(tx, { resourceId, principal: 'anna', work: {}, seal: () => undefined }),
  );
  expect([await waitingOf(1), await waitingOf(2)]).toEqual([[id], []]);
  expect(await node(2).take(id)).toBeUndefined();
  alive = '2';
  expect((await node(2).take(id))?.attempts).toBe(1);
});

test('of a thousand operations under way there is no further one, nor of 250 of one resource', async () => {
  await using db = await openTestDatabase(operationMigrations);
  const operations = createOperations(db, { now: () => 1000 });
  const start = (name: string) =>
    db.write((tx) => operations.start(tx, { resourceId: `${resourceId}${name}`, principal: 'anna', work: {} }));
  const tooMany = { managementCode: 'TooManyRequests', status: 429 };
  const ids = await Promise.all(Array.from({ length: 250 }, () => start('a')));
  await expect(start('a')).rejects.toMatchObject(tooMany);
  await Promise.all(Array.from({ length: 750 }, (_, n) => start(`b${n % 4}`)));
  await expect(start('c')).rejects.toMatchObject(tooMany);
  await operations.finish(of(ids[0]!), { status: 'Succeeded' });
  await start('a');
});
