import { expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { fetch } from '../../test/http/fetch.ts';
import { createLog, createMetrics } from '../telemetry/index.ts';
import { portOf, requestText, sendRaw } from '../../test/http/raw.ts';
import { startTestApp } from '../../test/support/server.ts';
import { createHostTable } from './hosts.ts';
import { startServer } from './server.ts';

/** The edge alone, around a protocol that says who asked. */
function startEdge(
  host: string,
  options: {
    metricsPort?: number;
    ready?: () => Promise<void>;
    trustedProxies?: string[];
    log?: (line: string) => void;
  },
) {
  const hosts = { registries: [], defaultRegistry: 1, domain: 'localhost', defaultHosts: [] };
  const server = startServer({
    listen: { host, port: 0 },
    metricsListen: options.metricsPort === undefined ? undefined : { host: '127.0.0.1', port: options.metricsPort },
    tls: undefined,
    trustedProxies: options.trustedProxies ?? [],
    hosts: createHostTable(hosts),
    handle: async (exchange) => {
      if (exchange.path === '/fail') throw new Error('the password is swordfish');
      return new Response(exchange.address());
    },
    missingFile() {},
    ready: options.ready ?? (async () => {}),
    limits: { requests: 100, bodies: 100 },
    idleSeconds: 20,
    reusePort: false,
    log: createLog({ level: options.log ? 'info' : 'silent', format: 'json' }, false, options.log),
    metrics: createMetrics(),
  });
  return { ...server, [Symbol.asyncDispose]: async () => void (await server.drain(0, 0)) };
}

test('an IPv6 listener serves, and reports IPv6 addresses', async () => {
  await using server = startEdge('::1', {});
  expect(server.url).toStartWith('http://[::1]:');
  expect(await (await fetch(server.url)).text()).toBe('::1');
});

test('a dual-stack socket names IPv4 clients by their IPv4 address', async () => {
  await using server = startEdge('::ffff:127.0.0.1', {});
  const answer = await sendRaw(portOf(server.url), requestText('GET', '/'));
  expect(answer.body).toBe('127.0.0.1');
});

test('lesson 14: X-Forwarded-For counts only from a trusted proxy, and only its own entry', async () => {
  const headers = { 'X-Forwarded-For': '6.6.6.6, 1.2.3.4' };
  await using open = startEdge('127.0.0.1', {});
  expect(await (await fetch(open.url, { headers })).text()).toBe('127.0.0.1');
  await using behind = startEdge('127.0.0.1', { trustedProxies: ['127.0.0.0/8'] });
  expect(await (await fetch(behind.url, { headers })).text()).toBe('1.2.3.4');
});

test('readyz is 503 while the registry cannot serve, and the log says why; healthz goes on', async () => {
  const lines: string[] = [];
  await using server = startEdge('127.0.0.1', {
    ready: () => Promise.reject(new Error('the database is away')),
    log: (line) => void lines.push(line),
  });
  const answer = await fetch(`${server.url}/readyz`);
  expect(answer.status).toBe(503);
  expect(await answer.text()).toBe('unavailable\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: 'warn',
    msg: 'failed',
    path: '/readyz',
    requestId: answer.headers.get('x-request-id'),
    cause: 'the database is away',
  });
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

test('what is thrown inside does not show', async () => {
  await using server = startEdge('127.0.0.1', {});
  const answer = await fetch(`${server.url}/fail`);
  expect(answer.status).toBe(500);
  const text = await answer.text();
  expect(text).toContain('"code":"UNKNOWN"');
  expect(text).not.toContain('swordfish');
});

test('metrics have a listener of their own, and leave the main one', async () => {
  await using server = startEdge('127.0.0.1', { metricsPort: 0 });
  const own = await fetch(server.metricsUrl!);
  expect(own.status).toBe(200);
  expect(own.headers.get('content-type')).toStartWith('text/plain; version=0.0.4');
  expect(await own.text()).toContain('# TYPE bonded_http_requests_total counter');
  expect(await (await fetch(`${server.url}/metrics`)).text()).toBe('127.0.0.1');
  const origin = new URL(server.metricsUrl!).origin;
  expect((await fetch(`${origin}/v2/`)).status).toBe(404);
  expect((await fetch(`${origin}/healthz`)).status).toBe(200);
  expect((await fetch(server.metricsUrl!, { headers: { Host: 'evil.example' } })).status).toBe(403);
});

test('a taken port: the next free one; for metrics, an error, and nothing keeps listening', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  await using app = await startTestApp({ settings: { listen: `127.0.0.1:${port}` } });
  expect(portOf(app.url)).toBeGreaterThan(port);
  expect((await fetch(`${app.url}/v2/`)).status).toBe(200);
  expect(() => startEdge('127.0.0.1', { metricsPort: port })).toThrow(`metrics.listen: 127.0.0.1:${port} is taken`);
  taken.close();
});
