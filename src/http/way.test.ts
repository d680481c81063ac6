import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { createLog, createMetrics } from '../telemetry/index.ts';
import { createHostTable } from './hosts.ts';
import { startServer } from './server.ts';
import { comesFromHere } from './way.ts';

/** The edge alone, around a protocol that says by which way somebody came. */
function startEdge(
  trustedProxies: string[],
  linkHeader: string | undefined,
  ports: { second: number } = { second: 0 },
) {
  const server = startServer({
    listen: { host: '127.0.0.1', port: 0 },
    metricsListen: undefined,
    listeners: [
      { name: 'first', listen: { host: '127.0.0.1', port: 0 } },
      { name: 'second', listen: { host: '::1', port: ports.second } },
    ],
    linkHeader,
    tls: undefined,
    trustedProxies,
    hosts: createHostTable({ registries: [], defaultRegistry: 1, domain: 'localhost', defaultHosts: [] }),
    handle: async (exchange) => new Response(`${exchange.way().id} ${exchange.isLocal()} ${exchange.address()}`),
    missingFile() {},
    ready: async () => {},
    limits: { requests: 100, bodies: 100 },
    idleSeconds: 20,
    reusePort: false,
    log: createLog({ level: 'silent', format: 'json' }, false),
    metrics: createMetrics(),
  });
  return { ...server, [Symbol.asyncDispose]: async () => void (await server.drain(0, 1000)) };
}

const said = async (url: string, headers: Record<string, string> = {}) =>
  (await fetch(`${url}/x`, { headers, anonymous: true })).text();

test('a request says by which listener it came', async () => {
  await using server = startEdge([], undefined);
  expect(await said(server.url)).toBe('public true 127.0.0.1');
  const [first, second] = server.listenerUrls;
  expect(await said(first!)).toBe('listener:first true 127.0.0.1');
  expect(await said(second!)).toBe('listener:second true ::1');
  // What the server tells of itself is none of theirs.
  expect(await (await fetch(`${first}/metrics`)).text()).toBe('listener:first true 127.0.0.1');
});

test('a link counts only from a trusted proxy, by whichever listener', async () => {
  const headers = { 'X-Link': 'vpce-1' };
  await using believing = startEdge(['127.0.0.0/8'], 'X-Link');
  expect(await said(believing.url, headers)).toBe('link:vpce-1 true 127.0.0.1');
  expect(await said(believing.listenerUrls[0]!, headers)).toBe('link:vpce-1 true 127.0.0.1');
  expect(await said(believing.listenerUrls[1]!, headers)).toBe('listener:second true ::1');
  await using doubting = startEdge(['192.0.2.1'], 'X-Link');
  expect(await said(doubting.url, headers)).toBe('public true 127.0.0.1');
  await using deaf = startEdge(['127.0.0.0/8'], undefined);
  expect(await said(deaf.url, headers)).toBe('public true 127.0.0.1');
});

test.each(['a,b', 'a, a', 'x y', '"a"', '-a', 'ä', 'a'.repeat(129), ','])(
  '%p is a link that nobody has',
  async (link) => {
    await using server = startEdge(['127.0.0.1'], 'X-Link');
    expect(await said(server.url, { 'X-Link': link })).toStartWith('link: ');
  },
);

test('what was passed on does not come from here, whatever it says', () => {
  const from = (headers: Record<string, string>, socket = '127.0.0.1') =>
    comesFromHere(new Request('http://localhost/', { headers }), socket);
  expect([from({}), from({}, '::1'), from({}, '127.8.8.8')]).toEqual([true, true, true]);
  expect([from({}, '192.0.2.1'), from({}, ''), from({}, '::ffff:127.0.0.1')]).toEqual([false, false, false]);
  for (const name of ['X-Forwarded-For', 'X-Forwarded-Host', 'Forwarded', 'Via', 'X-Real-IP']) {
    expect([name, from({ [name]: '127.0.0.1' })]).toEqual([name, false]);
  }
});

test('a listener whose port is taken stops the start, and says which it is', () => {
  using taken = Bun.listen({ hostname: '::1', port: 0, socket: { data() {} } });
  expect(() => startEdge([], undefined, { second: taken.port })).toThrow(
    `network.listeners: second: [::1]:${taken.port} is taken; choose another port`,
  );
});
