import { expect, test } from 'bun:test';
import { giveWay } from './give-way.ts';

/** A process that takes a share of a core, by the time that has gone by (ms). Resolves with how long a scan waited. */
async function waited(share: (ms: number) => number, urgentAt = Number.POSITIVE_INFINITY): Promise<number> {
  let [time, used] = [0, 0];
  await giveWay(async () => time >= urgentAt, {
    used: () => used,
    now: () => time,
    async sleep(ms) {
      used += ms * share(time);
      time += ms;
    },
  });
  return time;
}

test('a scan waits for those who push and pull while they keep the server busy, but not for ever', async () => {
  expect(await waited(() => 0.1)).toBe(25);
  expect(await waited((ms) => (ms < 50 ? 0.9 : 0.1))).toBe(75);
  expect(await waited(() => 1)).toBe(250);
});

test('it waits no longer when somebody pulls an image that is to be scanned', async () => {
  expect(await waited(() => 1, 60)).toBe(75);
});
