import type { ListenAddress } from '../config/index.ts';

/** How many ports above the wanted one are tried. */
const attempts = 20;

/**
 * Starts listening on a port, or on the next free one when it is taken; port 0 takes any. `start` must throw
 * EADDRINUSE for a taken port, as Bun does without `reusePort`.
 */
export function listenOnFreePort<T>(wanted: ListenAddress, start: (port: number) => T): T {
  for (let port = wanted.port; ; port++) {
    try {
      return start(port);
    } catch (error) {
      const taken = (error as { code?: string }).code === 'EADDRINUSE';
      if (!taken || wanted.port === 0 || port === 65_535 || port === wanted.port + attempts) throw error;
    }
  }
}
