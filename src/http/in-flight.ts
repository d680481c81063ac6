import { RegistryError } from '../errors/index.ts';

export interface InFlightLimits {
  requests: number;
  bodies: number;
}

/** What a request must bring to be one with a body; of others Bun keeps nothing. */
const withBody = new Set(['PUT', 'PATCH', 'POST']);

/**
 * Bounds what this process works on at once, and with it every queue behind: of writes, of waits for a connection of
 * PostgreSQL, for a lock or for the disk. Bodies have a bound of their own, because Bun takes in more than a megabyte of
 * each, however slowly we read.
 */
export function createInFlight({ requests, bodies }: InFlightLimits) {
  let requestCount = 0;
  let bodyCount = 0;
  return {
    /** UNAVAILABLE when there is too much. Whoever enters leaves, too. */
    enter(method: string): void {
      const bringsBody = withBody.has(method);
      if (requestCount >= requests) throw tooMany('requests');
      if (bringsBody && bodyCount >= bodies) throw tooMany('uploads');
      requestCount++;
      if (bringsBody) bodyCount++;
    },
    leave(method: string): void {
      requestCount--;
      if (withBody.has(method)) bodyCount--;
    },
  };
}

function tooMany(what: string): RegistryError {
  return new RegistryError('UNAVAILABLE', {
    message: `the registry has as many ${what} at once as it takes on; try again after the time in Retry-After`,
  });
}
