import { RegistryError } from '../errors/index.ts';
import type { Staging } from './blob-store.ts';
import type { UploadHash } from './upload-hash.ts';
import type { Pace, Watchdog } from './watchdog.ts';

export interface ReceiveLimits extends Pace {
  /** The largest blob (bytes). */
  maxBytes: number;
}

/** What is left for a blob (bytes), by limits that are not ours. */
export interface UploadRoom {
  /** For the whole of it; it may change while the body arrives. */
  readonly bytes: number;
  /** What an upload is refused with that has so many bytes. */
  refusal(size: number): unknown;
  /** Looks again how much there is. */
  renew(): Promise<void>;
}

/** Bytes of a body after which room is looked for again. */
const renewBytes = 64 * 1024 * 1024;

/** Bytes on their way in. */
export interface UploadBody {
  stream: ReadableStream<Uint8Array>;
  /** Bytes that Content-Length or Content-Range promises; undefined where neither does. */
  length: number | undefined;
  /** The largest blob (bytes), where that is less than the store takes. */
  maxBytes?: number | undefined;
  /** Slows it down: resolves when bytes that have come may be taken in; undefined where they may at once. */
  pace?: ((bytes: number) => Promise<void> | undefined) | undefined;
}

export interface Received {
  /** Bytes of this body that were handed to the staging area. */
  bytes: number;
  /** Why the body ended early, when it did. What arrived until then can be kept. */
  failure: unknown;
}

/** Ends a running `receive` from outside, or the one that has yet to begin. */
export interface Interruption {
  interrupt(reason: unknown): void;
  /** Calls back when it is interrupted, at once where it was already. */
  whenInterrupted(giveUp: (reason: unknown) => void): void;
}

export function createInterruption(): Interruption {
  let reason: unknown;
  let notify: ((reason: unknown) => void) | undefined;
  return {
    interrupt(why) {
      reason = why;
      notify?.(why);
    },
    whenInterrupted(giveUp) {
      notify = giveUp;
      if (reason !== undefined) giveUp(reason);
    },
  };
}

/**
 * Writes a request body to staging while it is hashed. Never throws: a dropped, stalled or too long body is reported as
 * `failure`, so that what arrived can be recorded and resumed (lesson 3). A failure of the disk is one too; whoever
 * syncs the staging area hears of it again.
 */
export async function receive(
  body: UploadBody,
  staging: Staging,
  hash: UploadHash,
  limits: { maxBytes: number; watchdog: Watchdog; interruption: Interruption; room?: UploadRoom | undefined },
): Promise<Received> {
  const { watchdog, interruption, room } = limits;
  const { pace } = body;
  const maxBytes = Math.min(limits.maxBytes, body.maxBytes ?? limits.maxBytes);
  const space = { maxBytes, room };
  const offset = hash.length();
  const reader = body.stream.getReader();
  let bytes = 0;
  let failure: unknown;
  const giveUp = (reason: unknown) => {
    failure ??= reason;
    // Ends a read that is waiting. The connection may be gone, which is no news.
    reader.cancel(reason).catch(() => {});
  };
  const watched = watchdog.watch(giveUp);
  interruption.whenInterrupted(giveUp);
  hash.attach(staging);
  try {
    requireSpace(offset + (body.length ?? 0), space);
    let renewAt = renewBytes;
    for (;;) {
      watched.waiting = true;
      const { done, value } = await nextChunk(reader);
      watched.waiting = false;
      if (done || failure !== undefined) break;
      requireSpace(offset + bytes + value.byteLength, space);
      if (body.length !== undefined && bytes + value.byteLength > body.length) throw tooLong(body.length);
      const slowed = pace?.(value.byteLength);
      if (slowed) await slowed;
      if (failure !== undefined) break;
      bytes += value.byteLength;
      watched.bytes = bytes;
      if (room && bytes >= renewAt) {
        renewAt = bytes + renewBytes;
        // Where that fails, what was known holds; only the commit is the last word.
        room.renew().catch(() => {});
      }
      hash.update(value);
      const busy = staging.write(value);
      if (busy) await busy;
    }
    if (failure === undefined && body.length !== undefined && bytes !== body.length) throw endedEarly(undefined);
  } catch (error) {
    failure ??= error;
  } finally {
    watched.done();
    // What was refused is not cancelled: a client that is cut off while it sends never reads why. The edge ends it.
    reader.releaseLock();
  }
  return { bytes, failure };
}

function requireSpace(size: number, { maxBytes, room }: { maxBytes: number; room?: UploadRoom | undefined }): void {
  if (size > maxBytes) throw tooLarge(maxBytes);
  if (room && size > room.bytes) throw room.refusal(size);
}

/** What the transport throws is the client's: it went away. */
async function nextChunk<T>(reader: { read(): Promise<T> }): Promise<T> {
  try {
    return await reader.read();
  } catch (error) {
    throw endedEarly(error);
  }
}

/** A full disk is the registry's trouble, and passes: the caller may try again later. */
export function storageFailure(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' ? new RegistryError('INSUFFICIENT_STORAGE', { cause: error }) : error;
}

function tooLarge(maxBytes: number): RegistryError {
  return new RegistryError('SIZE_INVALID', {
    status: 413,
    message: 'the blob is larger than this registry accepts',
    detail: { maxBytes },
  });
}

/** Only of a chunked body: the transport ends others where Content-Length says. */
function tooLong(promised: number): RegistryError {
  return new RegistryError('SIZE_INVALID', {
    message: 'the chunk is longer than Content-Range says; resume the upload from the offset that a GET of it reports',
    detail: { contentRange: promised },
  });
}

function endedEarly(cause: unknown): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    message: 'the body ended early; resume the upload from the offset that a GET of its location reports',
    cause,
  });
}
