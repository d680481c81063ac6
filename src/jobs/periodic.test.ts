import { expect, test } from 'bun:test';
import { type PeriodicWork, startPeriodic } from './periodic.ts';

const work = (run: () => Promise<boolean>, failed: PeriodicWork['failed'] = () => {}): PeriodicWork => ({
  name: 'test',
  intervalMs: 10,
  isOurs: () => true,
  run,
  failed,
});

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 1000 && !condition(); tries++) await Bun.sleep(2);
  expect(condition()).toBe(true);
}

test('rounds follow each other with a pause, never two at once', async () => {
  let running = 0;
  let most = 0;
  let rounds = 0;
  const stop = startPeriodic(
    work(async () => {
      most = Math.max(most, ++running);
      await Bun.sleep(15);
      running--;
      rounds++;
      return false;
    }),
  );
  await until(() => rounds >= 3);
  await stop();
  expect(most).toBe(1);
});

test('a round that left work behind is followed at once', async () => {
  let rounds = 0;
  const stop = startPeriodic({ ...work(async () => ++rounds < 5), intervalMs: 1000 });
  await until(() => rounds >= 1);
  const started = performance.now();
  await until(() => rounds >= 5);
  expect(performance.now() - started).toBeLessThan(900);
  await stop();
});

test('a failure is reported, and the next round comes as usual', async () => {
  const failures: unknown[] = [];
  let rounds = 0;
  const stop = startPeriodic(
    work(
      async () => {
        rounds++;
        throw new Error('broken');
      },
      (error) => failures.push(error),
    ),
  );
  await until(() => rounds >= 3);
  await stop();
  expect(failures).toHaveLength(rounds);
  expect(String(failures[0])).toBe('Error: broken');
});

test('stopping waits for the round under way, and no other begins', async () => {
  let begun = 0;
  let ended = 0;
  const stop = startPeriodic(
    work(async () => {
      begun++;
      await Bun.sleep(60);
      ended++;
      return true;
    }),
  );
  await until(() => begun === 1);
  await stop();
  expect(ended).toBe(1);
  await Bun.sleep(40);
  expect(begun).toBe(1);
});

test('a round that does not end keeps nobody from stopping, and what becomes of it is no news', async () => {
  const failures: unknown[] = [];
  const { promise: stuck, reject } = Promise.withResolvers<boolean>();
  let begun = 0;
  const stop = startPeriodic(
    work(
      () => {
        begun++;
        return stuck;
      },
      (error) => failures.push(error),
    ),
    50,
  );
  await until(() => begun === 1);
  await stop();
  reject(new Error('closed'));
  await Bun.sleep(20);
  expect(failures).toEqual([]);
});

test('stopping before the first round means none', async () => {
  let begun = 0;
  const stop = startPeriodic({ ...work(async () => ++begun > 0), intervalMs: 30 });
  await stop();
  await Bun.sleep(50);
  expect(begun).toBe(0);
});

test('work that is another’s is done by nobody here, until it is ours', async () => {
  let ours = false;
  let rounds = 0;
  const stop = startPeriodic({ ...work(async () => ++rounds < 0), isOurs: () => ours });
  await Bun.sleep(60);
  expect(rounds).toBe(0);
  ours = true;
  await until(() => rounds >= 1);
  ours = false;
  const done = rounds + 1;
  await Bun.sleep(60);
  expect(rounds).toBeLessThanOrEqual(done);
  await stop();
});

test('a pause that is longer than a timer can be is long, not none', async () => {
  let rounds = 0;
  const days = 86_400_000;
  const stop = startPeriodic({ ...work(async () => (rounds++, false)), intervalMs: 3650 * days });
  await Bun.sleep(100);
  await stop();
  // The first pause is a part of one, by chance.
  expect(rounds).toBeLessThan(2);
});
