import { createHash, type Hash } from 'node:crypto';
import { RegistryError } from '../errors/index.ts';
import type { DigestAlgorithm } from '../oci/index.ts';
import type { StagingWriter } from './blob-store.ts';

export interface ReceiveLimits {
  /** A body that is silent for longer is given up (ms). */
  stallMs: number;
  /** A body whose mean rate falls below this, once it has lasted for `stallMs`, is given up (bytes/s). */
  minBytesPerSecond: number;
  /** The largest blob (bytes). */
  maxBytes: number;
}

/** Bytes on their way in. */
export interface UploadBody {
  stream: ReadableStream<Uint8Array>;
  /** Bytes that Content-Length promises; undefined for a chunked body. */
  length: number | undefined;
}

export interface Received {
  /** Bytes of this body that were written. */
  bytes: number;
  /** Why the body ended early, when it did. What arrived until then is kept. */
  failure: unknown;
}

/**
 * Writes a request body to staging while it hashes (where there is a hash to continue). Never throws for what the
 * client did: a dropped, stalled or too long body is reported as `failure`, so that what arrived can be recorded and
 * resumed (lesson 3).
 */
export async function receive(
  body: UploadBody,
  writer: StagingWriter,
  hash: Hash | undefined,
  limits: ReceiveLimits & { offset: number },
): Promise<Received> {
  const reader = body.stream.getReader();
  let bytes = 0;
  const watchdog = watchBody(limits, () => bytes, () => void reader.cancel().catch(() => {}));
  try {
    if (limits.offset + (body.length ?? 0) > limits.maxBytes) throw tooLarge(limits.maxBytes);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (limits.offset + bytes + value.byteLength > limits.maxBytes) throw tooLarge(limits.maxBytes);
      hash?.update(value);
      await writer.write(value);
      bytes += value.byteLength;
    }
    if (watchdog.gaveUp()) throw tooSlow();
    if (body.length !== undefined && bytes !== body.length) throw endedEarly(undefined);
    return { bytes, failure: undefined };
  } catch (failure) {
    await reader.cancel().catch(() => {});
    return { bytes, failure };
  } finally {
    watchdog.stop();
  }
}

/** One timer a body: a timer or a race for every chunk would cost more than the chunk. */
function watchBody(limits: ReceiveLimits, received: () => number, giveUp: () => void) {
  const started = performance.now();
  let seen = -1;
  let seenAt = started;
  let gaveUp = false;
  const timer = setInterval(
    () => {
      const now = performance.now();
      const bytes = received();
      if (bytes !== seen) {
        seen = bytes;
        seenAt = now;
      }
      const elapsed = now - started;
      const slow = elapsed > limits.stallMs && bytes < (limits.minBytesPerSecond * elapsed) / 1000;
      if (!slow && now - seenAt < limits.stallMs) return;
      gaveUp = true;
      giveUp();
    },
    Math.max(10, Math.min(1000, limits.stallMs / 4)),
  );
  return { gaveUp: () => gaveUp, stop: () => clearInterval(timer) };
}

function tooLarge(maxBytes: number): RegistryError {
  return new RegistryError('SIZE_INVALID', {
    status: 413,
    message: 'the blob is larger than this registry accepts',
    detail: { maxBytes },
  });
}

function tooSlow(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    status: 408,
    message: 'the body arrived too slowly; resume the upload from the offset that a GET of its location reports',
  });
}

export function endedEarly(cause: unknown): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    message: 'the body ended early; resume the upload from the offset that a GET of its location reports',
    cause,
  });
}

/** Continues a hash with bytes that are staged already. */
export async function hashStaged(hash: Hash, bytes: AsyncIterable<Uint8Array>): Promise<Hash> {
  for await (const chunk of bytes) hash.update(chunk);
  return hash;
}

/**
 * Hashers of sessions whose last chunk was received in this process: the next chunk goes on from there. A short cut
 * only: sessions that fell out, or began elsewhere, are hashed again.
 */
export function createLiveHashers(limit = 1024) {
  const hashers = new Map<string, { hash: Hash; offset: number; algorithm: DigestAlgorithm }>();
  return {
    keep(id: string, hash: Hash, offset: number, algorithm: DigestAlgorithm): void {
      hashers.delete(id);
      hashers.set(id, { hash, offset, algorithm });
      if (hashers.size > limit) hashers.delete(hashers.keys().next().value!);
    },
    /** The hash of exactly the first `offset` bytes; whoever takes it has to keep its successor. */
    take(id: string, offset: number, algorithm: DigestAlgorithm): Hash | undefined {
      const live = hashers.get(id);
      hashers.delete(id);
      if (offset === 0) return createHash(algorithm);
      return live?.offset === offset && live.algorithm === algorithm ? live.hash : undefined;
    },
    drop: (id: string) => void hashers.delete(id),
  };
}
