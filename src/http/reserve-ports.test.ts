import { expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { reservePorts } from './reserve-ports.ts';

const host = '127.0.0.1';

test('a reserved port is free for the processes of this server, and taken for another one', async () => {
  using first = reservePorts({ listen: { host, port: 0 }, metricsListen: { host, port: 0 } });
  const { port } = first.listen;
  expect(first.metricsListen!.port).not.toBe(port);
  // Nobody listens yet: the port alone would not say that it is taken.
  {
    using second = reservePorts({ listen: { host, port }, metricsListen: undefined });
    expect(second.listen.port).toBeGreaterThan(port);
  }
  expect(() => reservePorts({ listen: { host, port: 0 }, metricsListen: { host, port } })).toThrow(
    `metrics.listen: ${host}:${port} is taken`,
  );
  const shared = [1, 2].map(() => Bun.serve({ hostname: host, port, reusePort: true, fetch: () => new Response('') }));
  for (const server of shared) await server.stop(true);
  first[Symbol.dispose]();
  using again = reservePorts({ listen: { host, port }, metricsListen: undefined });
  expect(again.listen.port).toBe(port);
});

test('a port where somebody listens is passed over, as is one that is shared', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, host, resolve));
  const { port } = taken.address() as { port: number };
  using found = reservePorts({ listen: { host, port }, metricsListen: undefined });
  expect(found.listen.port).toBeGreaterThan(port);
  taken.close();
});

test('one port for requests and metrics is refused', () => {
  using free = reservePorts({ listen: { host, port: 0 }, metricsListen: undefined });
  const { port } = free.listen;
  free[Symbol.dispose]();
  expect(() => reservePorts({ listen: { host, port }, metricsListen: { host, port } })).toThrow('is taken');
});
