import type { ListenAddress } from '../config/index.ts';
import { isListening } from '../outbound/index.ts';
import { listenError, portAfter } from './listen.ts';

export interface ReservedPorts extends Disposable {
  listen: ListenAddress;
  metricsListen: ListenAddress | undefined;
}

const accept = { socket: { data() {} } };

/**
 * Finds the ports that several processes of this server will share by `reusePort`: those where nobody listens, because
 * the system would let a second server join another silently. Not by listening for a moment, which a balancer would take
 * for a server that is ready. Against one that looks before our first process listens, or while none does, each port has
 * a name in Linux's abstract namespace of sockets until this is disposed: like the port, it belongs to one network
 * namespace and ends with its process.
 */
export async function reservePorts(wanted: {
  listen: ListenAddress;
  metricsListen: ListenAddress | undefined;
}): Promise<ReservedPorts> {
  using stack = new DisposableStack();
  const listen = await reserveNext(wanted.listen, stack);
  const metricsListen = wanted.metricsListen && (await reserveExactly(wanted.metricsListen, stack));
  const held = stack.move();
  return { listen, metricsListen, [Symbol.dispose]: () => held.dispose() };
}

async function reserveNext(wanted: ListenAddress, stack: DisposableStack): Promise<ListenAddress> {
  for (let { port } = wanted; ;) {
    try {
      return await reserve({ ...wanted, port }, stack);
    } catch (error) {
      port = portAfter(wanted, port, error);
    }
  }
}

async function reserveExactly(wanted: ListenAddress, stack: DisposableStack): Promise<ListenAddress> {
  try {
    return await reserve(wanted, stack);
  } catch (error) {
    throw listenError('metrics.listen', wanted, error);
  }
}

/** Throws EADDRINUSE for a port that another server has. */
async function reserve({ host, port }: ListenAddress, stack: DisposableStack): Promise<ListenAddress> {
  if (port > 0 && (await isListening(localOf(host), port)))
    throw Object.assign(new Error('somebody listens there'), { code: 'EADDRINUSE' });
  // Nobody can know, and ask for, one that the system chooses just now.
  const found = port > 0 ? port : freePort(host);
  stack.defer(holdName(`\0bonded ${host} ${found}`));
  return { host, port: found };
}

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
