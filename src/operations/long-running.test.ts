import { expect, test } from 'bun:test';
import { openTestDatabase } from '../../test/support/database.ts';
import { createOperations, groupScope, operationMigrations, operationRetentionMs } from './index.ts';

const resourceId = `${groupScope}/providers/Microsoft.Test/things/Thing`;
const day = 86_400_000;

test('an operation is what became of it first, and forgotten in time', async () => {
  await using db = await openTestDatabase(operationMigrations);
  let now = 1000;
  const operations = createOperations(db, { now: () => now });
  const start = () => db.write(async (tx) => operations.start(tx, { resourceId, principal: 'anna' }));
  const [done, failed, open] = [await start(), await start(), await start()];
  expect(await operations.get(done)).toEqual({
    id: done,
    resource: resourceId.toLowerCase(),
    status: 'InProgress',
    error: undefined,
    result: undefined,
    startedAt: 1000,
    endedAt: undefined,
    principal: 'anna',
  });
  now = 2000;
  await operations.finish(done, { status: 'Succeeded', result: { n: 1 } });
  await operations.finish(done, { status: 'Canceled', error: { code: 'a', message: 'b' } });
  await operations.finish(failed, { status: 'Failed', error: { code: 'Conflict', message: 'why' } });
  expect(await operations.get(done)).toMatchObject({ status: 'Succeeded', result: { n: 1 }, endedAt: 2000 });
  expect(await operations.get(failed)).toMatchObject({ status: 'Failed', error: { code: 'Conflict', message: 'why' } });
  expect(await operations.get('none')).toBeUndefined();

  expect(await operations.trim()).toBe(0);
  now = 1001 + day;
  expect(await operations.trim()).toBe(1);
  expect(await operations.get(open)).toMatchObject({ status: 'Failed', error: { code: 'OperationFailed' } });
  now = 1001 + operationRetentionMs;
  expect([await operations.trim(2), await operations.trim(2), await operations.trim(2)]).toEqual([2, 1, 0]);
  expect(await operations.get(done)).toBeUndefined();
});
