import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { managementOf, registry } from '../../test/support/management.ts';
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
  for (const end = performance.now() + 45_000; performance.now() < end; await Bun.sleep(20)) {
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

test('what a registry has of what its tier bounds is in the metrics', async () => {
  const manage = managementOf(server.url);
  const ipRules = ['192.0.2.0/24', '2001:db8::/32'].map((value) => ({ action: 'Allow', value }));
  await manage.patch(registry, { networkRuleSet: { defaultAction: 'Allow', ipRules } });
  await manage.put(`${registry}/scopeMaps/readers`, { actions: ['repositories/app/content/read'] });
  await manage.put(`${registry}/privateEndpointConnections/office`, { listener: 'office' });
  const usage = (resource: string) =>
    metric(new RegExp(`^bonded_registry_usage\\{registry="default",resource="${resource}"\\} (\\d+)$`, 'm'));
  const all = ['tokens', 'scopeMaps', 'privateEndpoints', 'ipRules'];
  // The built-in scope maps of ACR are none of them.
  expect(await Promise.all(all.map(usage))).toEqual([0, 1, 1, 2]);
});

test('a registry that is deleted is gone from the metrics', async () => {
  const { call } = tiersOf(server.url);
  await tiersOf(server.url).use('Premium', 'shortlived');
  const limits = /^bonded_registry_(?:usage|limit)\{registry="shortlived".*$/gm;
  const series = async () => (await (await fetch(`${server.url}/metrics`)).text()).match(limits)?.length ?? 0;
  expect(await series()).toBe(8);
  expect((await call('DELETE', registry.replace(/default$/, 'shortlived'))).status).toBe(200);
  expect(await series()).toBe(0);
});

test('logins that were refused because others had failed are in the audit', async () => {
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
