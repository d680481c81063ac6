import { expect, test } from 'bun:test';
import { watchSilence } from './watch-worker.ts';

test('a worker that no longer answers is told of once; one that does never is', async () => {
  const stuck: number[] = [];
  let asked = 0;
  const silent = watchSilence(
    () => asked++,
    (ms) => stuck.push(ms),
    300,
  );
  let lively = 0;
  const alive = watchSilence(
    () => alive.heard(),
    () => lively++,
    300,
  );
  for (const late = performance.now() + 45_000; stuck.length === 0 && performance.now() < late;) await Bun.sleep(10);
  await Bun.sleep(400);
  expect(asked).toBeGreaterThanOrEqual(3);
  expect(stuck).toHaveLength(1);
  expect(stuck[0]).toBeGreaterThan(300);
  expect(lively).toBe(0);
  alive.stop();
  silent.stop();
});

test('the silence while this process stood still does not count', async () => {
  let stuck = 0;
  const watch = watchSilence(
    () => watch.heard(),
    () => stuck++,
    300,
  );
  await Bun.sleep(20);
  Bun.sleepSync(1000);
  await Bun.sleep(100);
  expect(stuck).toBe(0);
  watch.stop();
});
