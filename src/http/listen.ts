import type { ListenAddress } from '../config/index.ts';

/** How many ports above the wanted one are tried, and how many others where any will do. */
export const attempts = 20;

/**
 * Starts listening on a port, or on the next free one when it is taken; port 0 takes any. `start` must throw
 * EADDRINUSE for a taken port, as Bun does without `reusePort`.
 */
export function listenOnFreePort<T>(wanted: ListenAddress, start: (port: number) => T): T {
  for (let { port } = wanted; ;) {
    try {
      return start(port);
    } catch (error) {
      port = portAfter(wanted, port, error);
    }
  }
}

/** The port to try after one that could not be listened on; throws where there is none. */
export function portAfter(wanted: ListenAddress, port: number, error: unknown): number {
  if (codeOf(error) !== 'EADDRINUSE') throw listenError('listen', wanted, error);
  if (wanted.port > 0 && port < 65_535 && port < wanted.port + attempts) return port + 1;
  throw new Error(`listen: the ports ${wanted.port} to ${port} of ${wanted.host} are taken; choose another one`, {
    cause: error,
  });
}

/** Starts listening on exactly this port. `setting` is the one that the operator would change. */
export function listenOn<T>(setting: string, wanted: ListenAddress, start: (port: number) => T): T {
  try {
    return start(wanted.port);
  } catch (error) {
    throw listenError(setting, wanted, error);
  }
}

/** That an address could not be listened on, and why, for the operator. */
export class ListenError extends Error {
  /** The address, where somebody else has it. */
  readonly taken: ListenAddress | undefined;

  constructor(message: string, taken: ListenAddress | undefined, cause?: unknown) {
    super(message, { cause });
    this.taken = taken;
  }
}

/** Puts into words why an address cannot be listened on. */
export function listenError(setting: string, address: ListenAddress, cause: unknown): ListenError {
  const { host, port } = address;
  const place = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const reasons: Record<string, string> = {
    EADDRINUSE: `${place} is taken; choose another port`,
    EACCES: `this user may not listen on ${place}; ports below 1024 take a privilege`,
    EADDRNOTAVAIL: `this machine does not have the address ${host}`,
  };
  const taken = codeOf(cause) === 'EADDRINUSE' ? address : undefined;
  return new ListenError(`${setting}: ${reasons[codeOf(cause)] ?? (cause as Error).message}`, taken, cause);
}

const codeOf = (error: unknown) => (error as { code?: string }).code ?? '';
