import { expect, test } from 'bun:test';
import { createServer } from 'node:net';
import type { ListenAddress } from '../config/index.ts';
import { isListening } from '../outbound/index.ts';
import { ListenError } from './listen.ts';
import { listenOnReserved, reservePorts } from './reserve-ports.ts';

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

test('where any port will do, one that is reserved and not yet listened on is passed over', async () => {
  const any = { listen: { host, port: 0 }, metricsListen: undefined };
  using reserved = await reservePorts(any);
  using free = await reservePorts(any);
  const { port } = free.listen;
  free[Symbol.dispose]();
  const chosen = [reserved.listen.port, reserved.listen.port, port];
  using found = await reservePorts(any, [], () => chosen.shift()!);
  expect(found.listen.port).toBe(port);
  await expect(reservePorts(any, [], () => port)).rejects.toThrow('taken');
});

test('one port for requests and metrics is refused', async () => {
  using free = await reservePorts({ listen: { host, port: 0 }, metricsListen: undefined });
  const { port } = free.listen;
  free[Symbol.dispose]();
  await expect(reservePorts({ listen: { host, port }, metricsListen: { host, port } })).rejects.toThrow('is taken');
});

const takenAt = (address: ListenAddress) => new ListenError('somebody came first', address);

test('what is taken between the look and the listening is passed over', async () => {
  using free = await reservePorts({ listen: { host, port: 0 }, metricsListen: undefined });
  const { port } = free.listen;
  free[Symbol.dispose]();
  const tried: number[] = [];
  const { ports, served } = await listenOnReserved(
    { listen: { host, port }, metricsListen: undefined },
    async (found) => {
      tried.push(found.listen.port);
      if (tried.length < 3) throw takenAt(found.listen);
      return 'serving';
    },
  );
  expect(served).toBe('serving');
  expect(tried[0]).toBe(port);
  expect(tried).toEqual(tried.toSorted((a, b) => a - b));
  expect(new Set(tried).size).toBe(3);
  expect(ports.listen.port).toBe(tried[2]!);
  // Those that were passed over are free for others, this one is held.
  using next = await reservePorts({ listen: { host, port }, metricsListen: undefined });
  expect(next.listen.port).toBe(port);
  await expect(reservePorts({ listen: { host, port: 0 }, metricsListen: ports.listen })).rejects.toThrow('is taken');
  ports[Symbol.dispose]();
});

test('it goes on only as long as that may help', async () => {
  let tries = 0;
  const refuse = (why: (address: ListenAddress) => Error) => async (found: { listen: ListenAddress }) => {
    tries++;
    throw why(found.listen);
  };
  const any = { listen: { host, port: 0 }, metricsListen: undefined };
  await expect(listenOnReserved(any, refuse(takenAt))).rejects.toThrow('somebody came first');
  expect(tries).toBe(21);
  const wanted = { ...any, listen: { host, port: 65_534 } };
  await expect(listenOnReserved(wanted, refuse(takenAt))).rejects.toThrow('the ports 65534 to 65535');
  tries = 0;
  await expect(
    listenOnReserved(
      any,
      refuse(() => new ListenError('no such address', undefined)),
    ),
  ).rejects.toThrow('no such');
  await expect(
    listenOnReserved(
      any,
      refuse(() => new Error('no database')),
    ),
  ).rejects.toThrow('no database');
  expect(tries).toBe(2);
  // Metrics are where the operator said, or nowhere.
  using free = await reservePorts(any);
  const metricsListen = free.listen;
  free[Symbol.dispose]();
  await expect(
    listenOnReserved({ ...any, metricsListen }, async (found) => {
      throw takenAt(found.metricsListen!);
    }),
  ).rejects.toThrow(`metrics.listen: ${host}:${metricsListen.port} is taken`);
});
