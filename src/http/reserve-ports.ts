import type { ListenAddress } from '../config/index.ts';
import { listenError, listenOn, listenOnFreePort } from './listen.ts';

const accept = { socket: { data() {} } };

/**
 * Finds the ports that several processes of this server will share by `reusePort`: free ones, as a bind without it
 * shows. The system would let a second server join them silently. Against one that looks in the moment before the first
 * process listens, or while none does, each port has a name in Linux's abstract namespace of sockets, for as long as
 * this is not disposed: like the port, it belongs to one network namespace and ends with its process.
 */
export function reservePorts(addresses: { listen: ListenAddress; metricsListen: ListenAddress | undefined }) {
  const stack = new DisposableStack();
  const probe =
    ({ host }: ListenAddress) =>
    (port: number) => {
      const free = Bun.listen({ hostname: host, port, ...accept });
      try {
        const found = { host, port: free.port };
        stack.defer(holdName(`\0bonded ${host} ${found.port}`));
        return found;
      } finally {
        free.stop(true);
      }
    };
  try {
    const listen = listenOnFreePort(addresses.listen, probe(addresses.listen));
    const { metricsListen: wanted } = addresses;
    const metricsListen = wanted && listenOn('metrics.listen', wanted, probe(wanted));
    if (metricsListen?.port === listen.port && metricsListen.host === listen.host)
      throw listenError('metrics.listen', listen, Object.assign(new Error('taken'), { code: 'EADDRINUSE' }));
    return { listen, metricsListen, [Symbol.dispose]: () => stack.dispose() };
  } catch (error) {
    stack.dispose();
    throw error;
  }
}

/** Throws EADDRINUSE where another process has it. */
function holdName(unix: string): () => void {
  const held = Bun.listen({ unix, ...accept });
  held.unref();
  return () => held.stop(true);
}
