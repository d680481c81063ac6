import { expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { isListening } from '../outbound/index.ts';
import { reservePorts } from './reserve-ports.ts';

const host = '127.0.0.1';

test('a reserved port is free for the processes of this server, and taken for another one', async () => {
  using first = await reservePorts({ listen: { host, port: 0 }, metricsListen: { host, port: 0 } });
  const { port } = first.listen;
  expect(first.metricsListen!.port).not.toBe(port);
  // Nobody listens yet: the port alone would not say that it is taken.
  {
    using second = await reservePorts({ listen: { host, port }, metricsListen: undefined });
    expect(second.listen.port).toBeGreaterThan(port);
  }
  await expect(reservePorts({ listen: { host, port: 0 }, metricsListen: { host, port } })).rejects.toThrow(
    `metrics.listen: ${host}:${port} is taken`,
  );
  const shared = [1, 2].map(() => Bun.serve({ hostname: host, port, reusePort: true, fetch: () => new Response('') }));
  for (const server of shared) await server.stop(true);
  first[Symbol.dispose]();
  using again = await reservePorts({ listen: { host, port }, metricsListen: undefined });
  expect(again.listen.port).toBe(port);
});

test('a port where somebody listens is passed over, as is one that is shared', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, host, resolve));
  const { port } = taken.address() as { port: number };
  using found = await reservePorts({ listen: { host, port }, metricsListen: undefined });
  expect(found.listen.port).toBeGreaterThan(port);
  taken.close();
});

test('nobody who asks meanwhile is answered by the search', async () => {
  using free = await reservePorts({ listen: { host, port: 0 }, metricsListen: undefined });
  const { port } = free.listen;
  free[Symbol.dispose]();
  let stopped = false;
  const asking = (async () => {
    let accepted = 0;
    while (!stopped) if (await isListening(host, port)) accepted++;
    return accepted;
  })();
  for (let n = 0; n < 50; n++) {
    using found = await reservePorts({ listen: { host, port }, metricsListen: undefined });
    expect(found.listen.port).toBe(port);
  }
  stopped = true;
  expect(await asking).toBe(0);
});

test('one port for requests and metrics is refused', async () => {
  using free = await reservePorts({ listen: { host, port: 0 }, metricsListen: undefined });
  const { port } = free.listen;
  free[Symbol.dispose]();
  await expect(reservePorts({ listen: { host, port }, metricsListen: { host, port } })).rejects.toThrow('is taken');
});
