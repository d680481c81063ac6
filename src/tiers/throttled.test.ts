import { expect, test } from 'bun:test';
import { openTestDatabase } from '../../test/support/database.ts';
import { tierMigrations } from './tables.ts';
import { createThrottledCallers } from './throttled.ts';

const dayMs = 86_400_000;

const read = (identity: string | undefined) => ({ identity, category: 'dataplaneRead', level: 'identity' }) as const;

test('who was refused is counted over all processes and two days, the worst first, written down or not', async () => {
  await using db = await openTestDatabase(tierMigrations);
  let now = 100 * dayMs + 20 * 3_600_000;
  const [one, other] = [createThrottledCallers(db, () => now), createThrottledCallers(db, () => now)];
  for (let n = 0; n < 3; n++) one.note(1, read('builder'));
  await one.record();
  now += dayMs - 2 * 3_600_000;
  other.note(1, read('builder'));
  other.note(1, { ...read(undefined), level: 'registry' });
  await other.record();
  for (let n = 0; n < 2; n++) other.note(2, read('builder'));
  const seen = async () =>
    (await other.recent()).map(({ registryId, identity, level, refusals }) => [registryId, identity, level, refusals]);
  expect(await seen()).toEqual([
    [1, 'builder', 'identity', 4],
    [2, 'builder', 'identity', 2],
    [1, 'all', 'registry', 1],
  ]);
  // A day after the first three nobody need hear of them.
  now += 3 * 3_600_000;
  expect((await seen()).filter(([, , level]) => level === 'identity')).toEqual([
    [2, 'builder', 'identity', 2],
    [1, 'builder', 'identity', 1],
  ]);
  await other.record();
  now += 3 * dayMs;
  other.note(3, read('late'));
  await other.record();
  expect(await db.all('SELECT identity FROM throttled_callers', [])).toEqual([{ identity: 'late' }]);
});

test('who was refused by a clock that was a year ahead is not named until it is as late', async () => {
  await using db = await openTestDatabase(tierMigrations);
  let now = 500 * dayMs;
  const callers = createThrottledCallers(db, () => now);
  callers.note(1, read('early'));
  await callers.record();
  now = 100 * dayMs;
  expect(await callers.recent()).toEqual([]);
  callers.note(1, read('builder'));
  await callers.record();
  expect(await db.all('SELECT identity FROM throttled_callers', [])).toEqual([{ identity: 'builder' }]);
});

test('what no database takes is not written', async () => {
  await using db = await openTestDatabase(tierMigrations);
  const callers = createThrottledCallers(db, () => 100 * dayMs);
  callers.note(1, read('a\0b\ud800'));
  await callers.record();
  expect((await callers.recent()).map(({ identity }) => identity)).toEqual(['a?b?']);
});

test('more callers than are told apart are counted together', async () => {
  await using db = await openTestDatabase(tierMigrations);
  const callers = createThrottledCallers(db, () => 100 * dayMs);
  for (let n = 0; n < 1500; n++) callers.note(1, read(`caller${n}`));
  const recent = await callers.recent();
  expect(recent.length).toBe(1001);
  expect(recent[0]).toMatchObject({ identity: 'others', refusals: 500 });
});
