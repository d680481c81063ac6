import type { ListenAddress } from '../config/index.ts';
import { isListening } from '../outbound/index.ts';
import { attempts, ListenError, listenError, portAfter } from './listen.ts';

interface WantedPorts {
  listen: ListenAddress;
  metricsListen: ListenAddress | undefined;
  /** Of named listeners: exactly these. */
  listeners?: readonly { name: string; listen: ListenAddress }[];
}

export interface ReservedPorts extends Required<Omit<WantedPorts, 'listeners'>>, Disposable {
  /** In the order in which they were wanted. */
  listeners: readonly ListenAddress[];
}

const accept = { socket: { data() {} } };

/**
 * Finds the ports that several processes of this server will share by `reusePort`: those where nobody listens, because
 * the system would let a second server join another silently. Not by listening for a moment, which a balancer would take
 * for a server that is ready. Against one that looks before our first process listens, or while none does, each port has
 * a name in Linux's abstract namespace of sockets until this is disposed: like the port, it belongs to one network
 * namespace and ends with its process. What is in `passedOver` counts as taken.
 */
export async function reservePorts(
  wanted: WantedPorts,
  passedOver: readonly ListenAddress[] = [],
  anyPort: (host: string) => number = freePort,
): Promise<ReservedPorts> {
  using stack = new DisposableStack();
  const search = { passedOver: new Set(passedOver.map(nameOf)), anyPort, stack };
  const listen = await reserveNext(wanted.listen, search);
  const metricsListen = wanted.metricsListen && (await reserveExactly('metrics.listen', wanted.metricsListen, search));
  const listeners: ListenAddress[] = [];
  for (const own of wanted.listeners ?? []) {
    listeners.push(await reserveExactly(`network.listeners: ${own.name}`, own.listen, search));
  }
  const held = stack.move();
  return { listen, metricsListen, listeners, [Symbol.dispose]: () => held.dispose() };
}

/**
 * Reserves ports and has `serve` listen on them. A port where nobody listens may be somebody's all the same: the near
 * end of a connection, or taken since we looked. Where `serve` rejects because of that, it is called again with the
 * next free ones. Resolves with the ports, and what `serve` resolved with.
 */
export async function listenOnReserved<T>(
  wanted: WantedPorts,
  serve: (ports: ReservedPorts) => Promise<T>,
): Promise<{ ports: ReservedPorts; served: T }> {
  const passedOver: ListenAddress[] = [];
  for (;;) {
    using stack = new DisposableStack();
    const ports = stack.use(await reservePorts(wanted, passedOver));
    try {
      const served = await serve(ports);
      stack.move();
      return { ports, served };
    } catch (error) {
      if (!(error instanceof ListenError && error.taken) || passedOver.length === attempts) throw error;
      passedOver.push(error.taken);
    }
  }
}

interface Search {
  /** Names of addresses. */
  passedOver: ReadonlySet<string>;
  /** A port that is free, as the system chooses. */
  anyPort: (host: string) => number;
  stack: DisposableStack;
}

async function reserveNext(wanted: ListenAddress, search: Search): Promise<ListenAddress> {
  for (let { port } = wanted; ;) {
    try {
      return await reserve({ ...wanted, port }, search);
    } catch (error) {
      port = portAfter(wanted, port, error);
    }
  }
}

async function reserveExactly(setting: string, wanted: ListenAddress, search: Search): Promise<ListenAddress> {
  try {
    return await reserve(wanted, search);
  } catch (error) {
    throw listenError(setting, wanted, error);
  }
}

/** Throws EADDRINUSE for a port that another server has. */
async function reserve({ host, port }: ListenAddress, search: Search): Promise<ListenAddress> {
  const { passedOver, anyPort, stack } = search;
  if (port > 0 && (passedOver.has(nameOf({ host, port })) || (await isListening(localOf(host), port))))
    throw Object.assign(new Error('somebody else has it'), { code: 'EADDRINUSE' });
  for (let tries = 1; ; tries++) {
    const found = { host, port: port > 0 ? port : anyPort(host) };
    try {
      stack.defer(holdName(nameOf(found)));
      return found;
    } catch (error) {
      // What the system chooses may be reserved by somebody who does not listen yet.
      if (port > 0 || tries === attempts) throw error;
    }
  }
}

const nameOf = ({ host, port }: ListenAddress) => `\0bonded ${host} ${port}`;

function freePort(hostname: string): number {
  const free = Bun.listen({ hostname, port: 0, ...accept });
  free.stop(true);
  return free.port;
}

/** Where whoever listens on this address hears us. */
function localOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** Throws EADDRINUSE where another process, or this one for its other port, has it. */
function holdName(unix: string): () => void {
  const held = Bun.listen({ unix, ...accept });
  held.unref();
  return () => held.stop(true);
}
