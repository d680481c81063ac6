import { expect, test } from 'bun:test';
import { createLog, createMetrics } from '../telemetry/index.ts';
import { createHostTable } from './hosts.ts';
import { shareReady } from './probes.ts';
import { startServer } from './server.ts';

test('however many ask at once whether it is ready, the database is asked by few', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<void>();
  let later: Error | undefined;
  const server = startServer({
    listen: { host: '127.0.0.1', port: 0 },
    metricsListen: undefined,
    tls: undefined,
    reusePort: false,
    trustedProxies: [],
    hosts: createHostTable({ registries: [], defaultRegistry: 0, domain: 'localhost', defaultHosts: [] }),
    handle: async () => undefined,
    missingFile() {},
    idleSeconds: 60,
    limits: { requests: 10, bodies: 10 },
    log: createLog({ level: 'silent', format: 'json' }),
    metrics: createMetrics(),
    async ready() {
      asked++;
      await answer.promise;
      if (later) throw later;
    },
  });
  try {
    const probe = () => fetch(`${server.url}/readyz`).then(({ status }) => status);
    const probes = Array.from({ length: 50 }, probe);
    for (const until = Date.now() + 45_000; asked === 0 && Date.now() < until; await Bun.sleep(5));
    // All others are on their way by the time that this one is answered.
    expect(await fetch(`${server.url}/healthz`).then(({ status }) => status)).toBe(200);
    answer.resolve();
    expect(new Set(await Promise.all(probes))).toEqual(new Set([200]));
    expect(asked).toBeLessThan(10);
    const before = asked;
    later = new Error('away');
    expect(await probe()).toBe(503);
    expect(asked).toBe(before + 1);
  } finally {
    await server.drain(0, 0);
  }
});

test('an answer that never comes is not what all later ones wait for', async () => {
  let time = 0;
  const asked: PromiseWithResolvers<void>[] = [];
  const ask = () => {
    const answer = Promise.withResolvers<void>();
    asked.push(answer);
    return answer.promise;
  };
  const ready = shareReady(ask, () => time);
  const lost = ready();
  time = 4000;
  expect(ready()).toBe(lost);
  time = 6000;
  const [next, beside] = [ready(), ready()];
  expect(asked).toHaveLength(2);
  asked[0]!.resolve();
  await lost;
  // The second one is still under way.
  expect(ready()).toBe(next);
  asked[1]!.resolve();
  await Promise.all([next, beside]);
  void ready();
  expect(asked).toHaveLength(3);
});
