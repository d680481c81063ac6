import { createHash, type Hash } from 'node:crypto';
import { RegistryError } from '../errors/index.ts';
import type { DigestAlgorithm } from '../oci/index.ts';
import type { StagingWriter } from './blob-store.ts';

export interface ReceiveLimits {
  /** A body that is silent for longer is given up (ms). */
  stallMs: number;
  /** A body whose mean rate over a whole stall period falls below this is given up (bytes/s). */
  minBytesPerSecond: number;
  /** The largest blob (bytes). */
  maxBytes: number;
}

export interface Received {
  /** Bytes of this body that were written. */
  bytes: number;
  /** Why the body ended early, when it did. What arrived until then is kept. */
  failure: unknown;
}

/**
 * Writes a request body to staging while it hashes. Never throws for what the client did: a dropped, stalled or
 * too long body is reported as `failure`, so that what arrived can be recorded and resumed (lesson 3).
 */
export async function receive(
  body: ReadableStream<Uint8Array> | null,
  writer: StagingWriter,
  hash: Hash,
  limits: ReceiveLimits & { offset: number },
): Promise<Received> {
  if (!body) return { bytes: 0, failure: undefined };
  const reader = body.getReader();
  const started = performance.now();
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await beforeStall(reader.read(), limits.stallMs);
      if (done) return { bytes, failure: undefined };
      if (limits.offset + bytes + value.byteLength > limits.maxBytes) {
        throw new RegistryError('SIZE_INVALID', {
          status: 413,
          message: `the blob is larger than this registry accepts`,
          detail: { maxBytes: limits.maxBytes },
        });
      }
      hash.update(value);
      await writer.write(value);
      bytes += value.byteLength;
      const elapsed = performance.now() - started;
      if (elapsed > limits.stallMs && bytes < (limits.minBytesPerSecond * elapsed) / 1000) throw tooSlow();
    }
  } catch (failure) {
    await reader.cancel().catch(() => {});
    return { bytes, failure };
  }
}

async function beforeStall<T>(read: Promise<T>, stallMs: number): Promise<T> {
  let timer: Timer | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow()), stallMs);
  });
  try {
    return await Promise.race([read, stalled]);
  } finally {
    clearTimeout(timer);
  }
}

function tooSlow(): RegistryError {
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    status: 408,
    message: 'the body arrived too slowly; resume the upload from the offset that a GET of its location reports',
  });
}

/** Hashes a prefix that is already staged: after a restart, or when the digest's algorithm was not foreseen. */
export async function hashStaged(bytes: AsyncIterable<Uint8Array>, algorithm: DigestAlgorithm): Promise<Hash> {
  const hash = createHash(algorithm);
  for await (const chunk of bytes) hash.update(chunk);
  return hash;
}
