import type { Ranges } from './ranges.ts';

/** A reader that takes less than so much (bytes) in such a time (ms) does not need a connection of its own. */
const leastBytes = 1024 * 1024;
const checkMs = 2000;

/** A range of an object by a connection of its own. */
export interface S3Stream {
  /** The next chunk; undefined at the end, when it broke, and when its reader is too slow for it. */
  next(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  close(): void;
}

/**
 * Bounds the streams of all readers: `fetch` holds up to 1.5 MiB of each that its reader has not taken. Only a few are for
 * readers of whom it is not known yet whether they keep up.
 */
export interface StreamSlots {
  take(known: boolean): boolean;
  give(): void;
  free(): boolean;
}

export function createStreamSlots(most: number, unknown: number): StreamSlots {
  let left = most;
  return {
    free: () => left > 0,
    take: (known) => left > (known ? 0 : most - unknown) && left-- > 0,
    give: () => void left++,
  };
}

/**
 * Opens bytes `start` to `end` (inclusive) of an object, for a reader that is `known` to keep up or for one of whom nothing
 * is known; undefined where there are as many streams as may be, and where it fails for whatever reason, which who reads a window is told.
 */
export async function openStream(
  ranges: Ranges,
  { streams, silenceMs }: { streams: StreamSlots; silenceMs: number },
  start: number,
  end: number,
  known: boolean,
): Promise<S3Stream | undefined> {
  if (!streams.take(known)) return undefined;
  const body = await ranges.open(start, end);
  if (!body) {
    streams.give();
    return undefined;
  }
  const reader = body.getReader();
  let open = true;
  let bytes = 0;
  let since = performance.now();

  function close(): void {
    if (!open) return;
    open = false;
    streams.give();
    // One that broke cannot be cancelled, which is no news.
    reader.cancel().catch(() => {});
  }

  function isSlow(): boolean {
    if (performance.now() - since < checkMs) return false;
    const slow = bytes < leastBytes;
    bytes = 0;
    since = performance.now();
    return slow;
  }

  return {
    async next() {
      if (isSlow()) close();
      const timer = setTimeout(close, silenceMs);
      try {
        const { value } = await reader.read();
        if (value) bytes += value.length;
        else close();
        return value as Uint8Array<ArrayBuffer> | undefined;
      } catch {
        close();
        return undefined;
      } finally {
        clearTimeout(timer);
      }
    },
    close,
  };
}
