import { RegistryError } from '../errors/index.ts';

export interface Pace {
  /** A body that is silent for longer is given up (ms). */
  stallMs: number;
  /** A body that brings less over a period of `stallMs` is given up too (bytes/s). */
  minBytesPerSecond: number;
}

/** A body under watch. Its owner keeps both fields up to date. */
export interface WatchedBody {
  /** Whether it is the client that is waited for: a slow disk of ours is nobody's fault. */
  waiting: boolean;
  /** Bytes that arrived. */
  bytes: number;
  /** Ends the watch. */
  done(): void;
}

interface Watched extends WatchedBody {
  giveUp: (reason: RegistryError) => void;
  seenBytes: number;
  silentMs: number;
  periodBytes: number;
  periodMs: number;
}

/**
 * Gives up bodies that came to a standstill, with one timer for all of them: a timer for each chunk would cost more
 * than the chunk. Times count only while the client is waited for.
 */
export function createWatchdog({ stallMs, minBytesPerSecond }: Pace) {
  const bodies = new Set<Watched>();
  const tickMs = Math.max(5, Math.min(1000, stallMs / 8));
  let timer: Timer | undefined;
  let tickedAt = 0;

  function tick(): void {
    const now = performance.now();
    // A process that stood still did not listen: that is not the client's silence.
    const passed = Math.min(now - tickedAt, 2 * tickMs);
    tickedAt = now;
    if (bodies.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
    for (const body of bodies) if (body.waiting) look(body, passed);
  }

  function look(body: Watched, passed: number): void {
    body.silentMs = body.bytes === body.seenBytes ? body.silentMs + passed : 0;
    body.seenBytes = body.bytes;
    body.periodMs += passed;
    if (body.silentMs >= stallMs) return body.giveUp(tooSlow());
    if (body.periodMs < stallMs) return;
    if (body.bytes - body.periodBytes < (minBytesPerSecond * body.periodMs) / 1000) return body.giveUp(tooSlow());
    body.periodBytes = body.bytes;
    body.periodMs = 0;
  }

  return {
    watch(giveUp: (reason: RegistryError) => void): WatchedBody {
      const body: Watched = {
        waiting: true,
        bytes: 0,
        done: () => void bodies.delete(body),
        giveUp,
        seenBytes: 0,
        silentMs: 0,
        periodBytes: 0,
        periodMs: 0,
      };
      bodies.add(body);
      if (!timer) {
        tickedAt = performance.now();
        timer = setInterval(tick, tickMs);
        timer.unref();
      }
      return body;
    },
  };
}

export type Watchdog = ReturnType<typeof createWatchdog>;

function tooSlow(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    status: 408,
    message: 'the body arrived too slowly; resume the upload from the offset that a GET of its location reports',
  });
}
