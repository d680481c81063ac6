import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { basic } from '../../test/support/people.ts';
import { tiersOf } from '../../test/support/tiers.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp({ settings: { 'throttle.failedLogins': 5 } });
  const tiers = tiersOf(server.url);
  await tiers.put('Slow', { rates: { dataplaneRead: { registry: -1, identity: 3 } }, limits: { tokens: 7 } });
  await tiers.use('Slow');
});
afterAll(() => server[Symbol.asyncDispose]());

async function until<T>(look: () => T | undefined): Promise<T> {
  for (const end = performance.now() + 10_000; performance.now() < end; await Bun.sleep(20)) {
    const found = look();
    if (found !== undefined) return found;
  }
  throw new Error('it does not come about');
}

const metric = async (line: RegExp) => Number(line.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1]);

test('who was refused for a rate is in the audit, once for many, and in the metrics', async () => {
  const since = server.audit().length;
  let refused = 0;
  for (let n = 0; n < 20; n++) {
    const answer = await fetch(`${server.url}/v2/app/manifests/latest`);
    if (answer.status === 429) refused++;
  }
  expect(refused).toBeGreaterThan(10);
  const records = await until(() => {
    const found = server.audit(since).filter(({ reason }) => reason === 'throttled');
    const counted = found.reduce((sum, { count = 1 }) => sum + Number(count), 0);
    return counted === refused ? found : undefined;
  });
  expect(records.length).toBeLessThan(refused);
  expect(records[0]).toMatchObject({
    action: 'pull',
    outcome: 'denied',
    actor: 'operator',
    target: 'app',
    category: 'dataplaneRead',
    level: 'identity',
  });
  const labels = '{registry="default",category="dataplaneRead",level="identity"}';
  expect(await metric(new RegExp(`^bonded_throttled_requests_total${labels} (\\d+)$`, 'm'))).toBe(refused);
  expect(await metric(/^bonded_registry_limit\{registry="default",resource="tokens"\} (\d+)$/m)).toBe(7);
  expect(await metric(/^bonded_registry_usage\{registry="default",resource="tokens"\} (\d+)$/m)).toBe(0);
});

test('so are logins that were refused because others had failed', async () => {
  const since = server.audit().length;
  const statuses: number[] = [];
  for (let n = 0; n < 8; n++) {
    const headers = { Authorization: basic('robot', `guess-${n}`) };
    statuses.push((await fetch(`${server.url}/v2/`, { headers })).status);
  }
  expect(statuses.at(-1)).toBe(429);
  const refused = statuses.filter((status) => status === 429).length;
  expect(await metric(/^bonded_source_throttled_total (\d+)$/m)).toBe(refused);
  const record = await until(() => server.audit(since).find(({ reason }) => reason === 'failed_logins'));
  expect(record).toMatchObject({ outcome: 'denied', address: '127.0.0.1' });
});
