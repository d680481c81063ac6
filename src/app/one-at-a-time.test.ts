import { expect, test } from 'bun:test';
import { oneAtATime } from './one-at-a-time.ts';

test('whoever asks while it is done waits for one more run, shared with all others, also after a failure', async () => {
  const runs: PromiseWithResolvers<void>[] = [];
  let active = 0;
  const work = oneAtATime(async () => {
    expect(++active).toBe(1);
    const run = Promise.withResolvers<void>();
    runs.push(run);
    await run.promise.finally(() => active--);
  });
  const first = work();
  const [second, third] = [work(), work()];
  expect(runs).toHaveLength(1);
  runs[0]!.reject(new Error('away'));
  await expect(first).rejects.toThrow('away');
  await Bun.sleep(0);
  expect(runs).toHaveLength(2);
  const fourth = work();
  runs[1]!.resolve();
  await Promise.all([second, third]);
  await Bun.sleep(0);
  expect(runs).toHaveLength(3);
  runs[2]!.resolve();
  await fourth;
  const fifth = work();
  expect(runs).toHaveLength(4);
  runs[3]!.resolve();
  await fifth;
});
