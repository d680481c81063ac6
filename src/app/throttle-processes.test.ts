import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';
import { tiersOf } from '../../test/support/tiers.ts';

/* Several processes that are one server; on PostgreSQL each of them is a node. */

/** Few enough for a machine that has other work: what is promised is how many pass, not how many it can do. */
const perMinute = 900;
const burstSeconds = 10;
const held = (perMinute * burstSeconds) / 60;

let server: TestProcess;
let tiers: ReturnType<typeof tiersOf>;
beforeAll(async () => {
  server = await startTestProcess({ settings: { processes: 2 } });
  tiers = tiersOf(server.url);
  await tiers.put('Shared', { rates: { dataplaneRead: { registry: perMinute, identity: -1 }, burstSeconds } });
});
afterAll(() => server[Symbol.asyncDispose]());

const processOf = (answer: Response) => answer.headers.get('x-request-id')!.split('-')[0]!;

/** Asks by `clients` at once for a time (ms); how many passed, by process. */
async function load(registry: string, clients: number, ms: number, keepalive: boolean) {
  const passed = new Map<string, number>();
  let refused = 0;
  const began = performance.now();
  const ask = async () => {
    while (performance.now() - began < ms) {
      const answer = await fetch(`${server.url}/v2/app/manifests/latest`, {
        headers: { Host: `${registry}.localhost`, ...(!keepalive && { Connection: 'close' }) },
        keepalive,
      });
      await answer.text();
      if (answer.status === 429) {
        refused++;
        await Bun.sleep(20);
      } else passed.set(processOf(answer), (passed.get(processOf(answer)) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: clients }, ask));
  const total = [...passed.values()].reduce((sum, count) => sum + count, 0);
  return { passed, refused, total, allowed: held + (perMinute * (performance.now() - began)) / 60_000 };
}

test.each([
  // A connection for each request: the kernel deals them out.
  ['evenly', 'evenly', 8, false],
  // One connection, whose process has all of it.
  ['at one process alone', 'sided', 1, true],
])(
  'two processes let pass what the tier says, within 10 %%: asked %s',
  async (_, registry, clients, keepalive) => {
    await tiers.use('Shared', registry);
    const { passed, refused, total, allowed } = await load(registry, clients, 8000, keepalive);
    expect(refused).toBeGreaterThan(0);
    expect(passed.size).toBe(keepalive ? 1 : 2);
    expect(total).toBeWithin(allowed * 0.9, allowed * 1.1);
  },
  60_000,
);

test('a tier that is edited acts in all processes within seconds', async () => {
  await tiers.put('Edited', {});
  await tiers.use('Edited', 'edited');
  const askAll = async () => {
    const answers = new Map<string, string | null>();
    for (let n = 0; answers.size < 2; n++) {
      if (n > 1000) throw new Error('one process has answered nothing');
      const answer = await fetch(`${server.url}/v2/app/manifests/latest`, {
        headers: { Host: 'edited.localhost', Connection: 'close' },
        keepalive: false,
      });
      answers.set(processOf(answer), answer.headers.get('ratelimit-policy'));
    }
    return [...answers.values()];
  };
  expect(await askAll()).toEqual([null, null]);
  await tiers.patch('Edited', { rates: { dataplaneRead: { registry: 5000 } } });
  const policy = '"registry";q=5000;w=60';
  const edited = performance.now();
  while (!(await askAll()).every((said) => said === policy)) {
    if (performance.now() - edited > 10_000) throw new Error('one process has not heard of it');
    await Bun.sleep(50);
  }
});
