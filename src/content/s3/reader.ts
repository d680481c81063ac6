import type { S3Calls } from './calls.ts';
import { smallestWindow } from './read-budget.ts';
import { unavailable } from './retry.ts';
import { openStream, type S3Stream } from './stream.ts';

/** What is asked for at first, and at most (bytes). */
const firstWindow = 128 * 1024;
const largestWindow = 2 * 1024 * 1024;
/** A reader that takes windows of this size (bytes) keeps up; smaller ones may lie in the buffers of its connection. */
const keepsUp = 1024 * 1024;
/** What is shorter (bytes) is no stream. */
const shortestStream = 512 * 1024;
/** How long a window should take (ms), S3 to send it as well as the client to take it: the next one is as large. */
const windowMs = 1000;
/** What is handed out at once (bytes): as much may lie in the buffer of a connection whose client has stopped. */
const chunkBytes = 256 * 1024;

interface Window {
  start: number;
  end: number;
  bytes: Uint8Array<ArrayBuffer>;
  /** How long S3 took to send it (ms). */
  loadMs: number;
  /** When it was begun to be handed out. */
  since: number;
}

/**
 * Reads a range of an object once. For most, in windows: requests that are read to their end before anything of them is
 * handed out, so that nothing waits in buffers that nobody counts, and no slow client holds a connection to S3. A few at
 * a time, which keep up, have a connection of their own instead.
 */
export interface S3Reader {
  /** The next chunk; undefined at the end. Throws when it cannot be read whole. */
  next(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** The last chunk is not needed any more: its memory does not wait for the garbage collector, nor for `next`. */
  done(): void;
  /** Gives back what was read ahead; after `done`. `next`, of which none may be under way, asks for it again. */
  pause(): void;
  /** Ends it before the end. */
  cancel(): void;
}

/**
 * Opens bytes `start` to `end` (inclusive) of an object; undefined when it is missing. Throws when the object is
 * shorter, or has another ETag than the given one.
 */
export async function openReader(
  calls: Pick<S3Calls, 'ranges' | 'reads' | 'streams' | 'silenceMs'>,
  key: string,
  start: number,
  end: number,
  etag?: string,
): Promise<S3Reader | undefined> {
  const ranges = calls.ranges(key, etag);
  const share = calls.reads.share();
  /** The next byte to ask S3 for, and the next one to hand out. */
  let asked = start;
  let at = start;
  let coming: { size: number; window: Promise<Window | undefined> } | undefined;
  let current: Window | undefined;
  let stream: S3Stream | undefined;
  /** Bytes of `current`, or of the last chunk that was handed out before a pause. */
  let held = 0;
  let last: { length: number; chunk: Uint8Array<ArrayBuffer> } | undefined;
  let wanted = firstWindow;

  async function load(from: number, size: number): Promise<Window | undefined> {
    const began = performance.now();
    let found;
    try {
      found = await ranges.read(from, from + size - 1);
      if (found && (found.size <= end || found.bytes.length !== size))
        throw new Error(`${key} has ${found.size} bytes in the object storage; at least ${end + 1} were expected`);
    } catch (error) {
      share.give(size);
      throw error;
    }
    if (!found) share.give(size);
    return found && { start: from, end: from + size, bytes: found.bytes, loadMs: performance.now() - began, since: 0 };
  }

  function ask(needed: boolean): void {
    if (coming || asked > end) return;
    const size = share.take(Math.min(wanted, end + 1 - asked), needed);
    if (size === 0) return;
    const window = load(asked, size);
    // Its failure is told when its turn comes.
    window.catch(() => {});
    coming = { size, window };
    asked += size;
  }

  /** Forgets what was not handed out. */
  function drop(): void {
    stream?.close();
    stream = undefined;
    const dropped = coming;
    coming = undefined;
    asked = at;
    void dropped?.window.then(
      (arrived) => {
        if (!arrived) return;
        share.give(dropped.size);
        release(arrived.bytes);
      },
      () => {},
    );
  }

  /** The client has taken everything that was handed out. */
  function taken(): void {
    if (current) {
      const size = current.end - current.start;
      const ms = Math.max(performance.now() - current.since, current.loadMs);
      wanted = Math.min(largestWindow, Math.max(smallestWindow, Math.floor(Math.min(4, windowMs / ms) * size)));
      current = undefined;
    }
    share.give(held);
    held = 0;
  }

  async function arrive(): Promise<Window | undefined> {
    ask(true);
    if (!coming) return undefined;
    const { size, window } = coming;
    coming = undefined;
    const arrived = await window;
    if (!arrived) throw unavailable(new Error(`${key} went away while it was read`));
    if (at > end) {
      share.give(size);
      return undefined;
    }
    held = size;
    return { ...arrived, since: performance.now() };
  }

  /** Whoever keeps up, and has much before it, gets a stream where there is one to have. */
  async function beginStream(): Promise<void> {
    if (coming || wanted < firstWindow || end - at < shortestStream) return;
    stream = await openStream(ranges, calls, at, end, wanted >= keepsUp);
    if (at > end) drop();
  }

  async function streamed(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const chunk = await stream?.next();
    if (chunk) asked = at += chunk.length;
    else if (stream) {
      stream = undefined;
      wanted = smallestWindow;
    }
    return chunk;
  }

  async function windowed(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    current ??= await arrive();
    if (!current) return undefined;
    // For a client that is slower than the smallest window nothing is read ahead.
    if (wanted > smallestWindow && !calls.streams.free()) ask(false);
    const from = at - current.start;
    const chunk = current.bytes.subarray(from, from + chunkBytes);
    at += chunk.length;
    return chunk;
  }

  function cancel(): void {
    at = end + 1;
    drop();
    taken();
  }

  await beginStream();
  if (!stream) {
    ask(true);
    if (!(await coming!.window)) return undefined;
  }
  return {
    async next() {
      if (!current || at === current.end) taken();
      try {
        if (!current && !stream) await beginStream();
        const chunk = (await streamed()) ?? (await windowed());
        last = chunk && { length: chunk.length, chunk };
        return chunk;
      } catch (error) {
        cancel();
        throw error;
      }
    },
    done() {
      if (last && (!current || at === current.end)) release(last.chunk);
    },
    pause() {
      drop();
      wanted = smallestWindow;
      if (!current) return;
      release(current.bytes);
      current = undefined;
      share.give(held - last!.length);
      held = last!.length;
    },
    cancel,
  };
}

function release({ buffer }: Uint8Array<ArrayBuffer>): void {
  if (!buffer.detached) buffer.transfer(0);
}
