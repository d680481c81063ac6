import type { S3Calls } from './calls.ts';
import { pauseAfter, unavailable } from './retry.ts';

/** Attempts without a byte between them before a read is given up. */
const attempts = 5;
/**
 * A reader that takes nothing for this long (ms) gives its connection back: the 1.5 MiB or so that lie in the buffers
 * of one are too much for hundreds of slow clients, and S3 would end it anyway.
 */
const patienceMs = 2000;
/** What is asked for after such a pause (bytes); it doubles while the reader keeps up. */
const smallestWindow = 256 * 1024;
/** Beyond this, the window is the whole rest. */
const largestWindow = 16 * 1024 * 1024;
/** A reader that takes a window within this time (ms) keeps up. */
const fastMs = 500;

interface BodyReader {
  read(): Promise<{ value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** Reads a range of an object once, and goes on where a connection broke. */
export interface S3Reader {
  /** The next chunk; undefined at the end. Throws when it cannot be read whole. */
  next(): Promise<Uint8Array | undefined>;
  /** Ends it before the end. */
  cancel(): void;
}

/**
 * Opens bytes `start` to `end` (inclusive) of an object; undefined when it is missing. Throws when the object is
 * shorter.
 */
export async function openReader(
  calls: S3Calls,
  key: string,
  start: number,
  end: number,
): Promise<S3Reader | undefined> {
  let at = start;
  let window = Number.POSITIVE_INFINITY;
  let windowEnd = 0;
  let windowOpened = 0;
  let timer: Timer | undefined;

  async function open(): Promise<BodyReader | undefined> {
    windowEnd = Math.min(end + 1, at + window);
    const found = await calls.get(key, at, windowEnd - 1);
    if (!found) return undefined;
    if (found.length !== windowEnd - at) {
      found.body.cancel().catch(() => {});
      throw new Error(`${key} has ${found.size} bytes in the object storage; at least ${end + 1} were expected`);
    }
    windowOpened = performance.now();
    return found.body.getReader();
  }

  function closeBody(): void {
    const given = body;
    body = undefined;
    // A connection that broke cannot be cancelled, which is no news.
    given?.cancel().catch(() => {});
  }

  function closeWindow(): void {
    body = undefined;
    if (window === Number.POSITIVE_INFINITY) return;
    window = performance.now() - windowOpened < fastMs ? window * 2 : smallestWindow;
    if (window > largestWindow) window = Number.POSITIVE_INFINITY;
  }

  function pause(): void {
    window = smallestWindow;
    closeBody();
  }

  /** What comes next on the connection; undefined when it ended or broke. */
  async function read(from: BodyReader): Promise<Uint8Array | undefined> {
    timer = setTimeout(closeBody, calls.silenceMs);
    try {
      return (await from.read()).value;
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  let body = await open();
  if (!body) return undefined;
  timer = setTimeout(pause, patienceMs);
  return {
    async next() {
      clearTimeout(timer);
      for (let failures = 0; at <= end; failures++) {
        if (failures === attempts) throw unavailable(new Error(`${key} broke off at byte ${at}, again and again`));
        if (failures > 0) await Bun.sleep(pauseAfter(failures, calls.retryPauseMs));
        body ??= await open();
        if (!body) throw unavailable(new Error(`${key} went away while it was read`));
        const chunk = await read(body);
        if (chunk === undefined) {
          body = undefined;
          continue;
        }
        at += chunk.byteLength;
        if (at >= windowEnd) closeWindow();
        else timer = setTimeout(pause, patienceMs);
        return chunk;
      }
      return undefined;
    },
    cancel() {
      clearTimeout(timer);
      at = end + 1;
      closeBody();
    },
  };
}
