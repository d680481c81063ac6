import { expect, test } from 'bun:test';
import { createTurns } from './turns.ts';

test('so many at once, and the others in the order in which they came', async () => {
  const turns = createTurns(2);
  const began: number[] = [];
  const ends: (() => void)[] = [];
  const all = [0, 1, 2, 3, 4].map(async (name) => {
    const end = await turns.take(60_000);
    began.push(name);
    ends.push(end);
  });
  await Promise.all(all.slice(0, 2));
  expect(began).toEqual([0, 1]);
  // Both at once: neither turn may get lost.
  for (const end of ends.splice(0)) end();
  await Promise.all(all.slice(2, 4));
  expect(began).toEqual([0, 1, 2, 3]);
  ends.pop()!();
  await all[4];
  for (const end of ends.splice(0)) end();
  const again = await Promise.all([turns.take(60_000), turns.take(60_000)]);
  expect(again.length).toBe(2);
});

test('whoever waits too long is told, and takes no turn from the others', async () => {
  const turns = createTurns(1);
  const end = await turns.take(60_000);
  const impatient = turns.take(1);
  const patient = turns.take(60_000);
  expect(await impatient.catch((error: Error) => error.name)).toBe('TimeoutError');
  end();
  (await patient)();
  (await turns.take(1))();
});
