import { expect, test } from 'bun:test';
import { createSyncer } from './syncer.ts';

test('whoever asks during a sync shares the next one', async () => {
  const ends: (() => void)[] = [];
  const sync = createSyncer(() => new Promise((resolve) => ends.push(resolve)));
  let answered = 0;
  const ask = () => sync().then(() => answered++);
  const asked = [ask(), ask(), ask()];
  await Bun.sleep(1);
  expect(ends.length).toBe(1);
  ends[0]!();
  await Bun.sleep(1);
  expect(answered).toBe(1);
  expect(ends.length).toBe(2);
  ends[1]!();
  await Promise.all(asked);
  expect(answered).toBe(3);
  expect(ends.length).toBe(2);
});

test('a sync is not tried again', async () => {
  let calls = 0;
  const sync = createSyncer(async () => {
    if (++calls === 1) throw new Error('EIO');
  });
  const results = await Promise.allSettled([sync(), sync()]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await expect(sync()).rejects.toThrow();
  expect(calls).toBe(1);
});
