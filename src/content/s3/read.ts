import { ObjectMissing } from '../object-missing.ts';
import type { S3Calls } from './calls.ts';
import { openReader, type S3Reader } from './reader.ts';

/** Up to this size (bytes) a body is read before it is answered with, because only then it has a Content-Length. */
const smallBody = 128 * 1024;
/**
 * A client that takes nothing for this long (ms) gives back what was read ahead for it: memory is for those who read.
 */
const patienceMs = 2000;

/**
 * Bytes `start` to `end` (inclusive) of an object, for our own use. A chunk is valid until the next one is asked for.
 * Throws when the object is missing, or has another ETag.
 */
export async function* readObject(
  calls: S3Calls,
  key: string,
  start: number,
  end: number,
  etag?: string,
): AsyncGenerator<Uint8Array> {
  const reader = await requireReader(calls, key, start, end, etag);
  try {
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) {
      yield chunk;
      reader.done();
    }
  } finally {
    reader.cancel();
  }
}

/** A body to answer with. Its errors come before the first byte, or break the connection. */
export async function openBody(
  calls: S3Calls,
  key: string,
  start: number,
  end: number,
): Promise<ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer>> {
  const size = end + 1 - start;
  if (size > smallBody) return streamOf(await requireReader(calls, key, start, end));
  const bytes = new Uint8Array(size);
  let at = 0;
  for await (const chunk of readObject(calls, key, start, end)) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function requireReader(
  calls: S3Calls,
  key: string,
  start: number,
  end: number,
  etag?: string,
): Promise<S3Reader> {
  const reader = await openReader(calls, key, start, end, etag);
  if (reader) return reader;
  throw new ObjectMissing(key);
}

/**
 * One chunk at a time, when the client has taken the last one. What does not fit into the connection is copied when it is
 * written, which Bun does of direct streams alone: so the reader has its memory back at once.
 */
function streamOf(reader: S3Reader): ReadableStream<Uint8Array> {
  const pauseLater = () => setTimeout(() => reader.pause(), patienceMs);
  let timer = pauseLater();
  return new ReadableStream<Uint8Array>({
    type: 'direct',
    async pull(controller) {
      clearTimeout(timer);
      try {
        for (let chunk = await reader.next(); chunk; chunk = await reader.next()) {
          const taken = controller.write(chunk);
          reader.done();
          timer = pauseLater();
          await taken;
          clearTimeout(timer);
        }
        controller.close();
      } catch (error) {
        controller.close(error as Error);
      }
    },
    cancel() {
      clearTimeout(timer);
      reader.cancel();
    },
  });
}
