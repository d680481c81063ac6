import { ObjectMissing } from '../object-missing.ts';
import type { S3Calls } from './calls.ts';
import { openReader, type S3Reader } from './reader.ts';

/** Up to this size (bytes) a body is read before it is answered with, because only then it has a Content-Length. */
const smallBody = 128 * 1024;

/** Bytes `start` to `end` (inclusive) of an object, for our own use. Throws when it is missing. */
export async function* readObject(calls: S3Calls, key: string, start: number, end: number): AsyncGenerator<Uint8Array> {
  const reader = await requireReader(calls, key, start, end);
  try {
    for (let chunk = await reader.next(); chunk; chunk = await reader.next()) yield chunk;
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
  if (end - start < smallBody) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readObject(calls, key, start, end)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }
  return streamOf(await requireReader(calls, key, start, end));
}

async function requireReader(calls: S3Calls, key: string, start: number, end: number): Promise<S3Reader> {
  const reader = await openReader(calls, key, start, end);
  if (reader) return reader;
  throw new ObjectMissing(key);
}

/** One chunk at a time, when the client has taken the last one. */
function streamOf(reader: S3Reader): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await reader.next();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  );
}
