import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Source } from './calls.ts';

/** Bytes of a spool file that are in memory while it is sent. */
const readBytes = 256 * 1024;

/** The file in which the bytes of one part wait until they are sent: a slow sender's part must not lie in memory. */
export interface Spool {
  /** Bytes. */
  length(): number;
  /** Appends. */
  append(chunks: readonly Uint8Array[]): Promise<void>;
  /** Bytes `start` to `end` (exclusive). */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  /** What was appended until now, to send it; may be read several times. */
  source(): Source;
  /** Must be called exactly once, as the last. */
  close(): Promise<void>;
}

/** Makes a spool file. It has no name from the start, so that the system removes it however this process ends. */
export async function openSpool(directory: string): Promise<Spool> {
  const name = join(directory, randomBytes(12).toString('hex'));
  const file = await create(name, directory);
  await unlink(name);
  let length = 0;
  return {
    length: () => length,
    async append(chunks) {
      for (const chunk of chunks) {
        for (let done = 0; done < chunk.byteLength;) {
          const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, length);
          done += bytesWritten;
          length += bytesWritten;
        }
      }
    },
    read: (start, end) => streamOf(file, start, end),
    source() {
      const end = length;
      return { length: end, stream: () => streamOf(file, 0, end) };
    },
    close: () => file.close(),
  };
}

async function create(name: string, directory: string): Promise<FileHandle> {
  try {
    return await open(name, 'wx+', 0o600);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // Systems tidy their temporary folders.
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return open(name, 'wx+', 0o600);
  }
}

function streamOf(file: FileHandle, start: number, end: number): ReadableStream<Uint8Array> {
  let at = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const buffer = Buffer.allocUnsafeSlow(Math.min(readBytes, end - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) throw new Error('a spool file is shorter than it was');
        at += bytesRead;
        controller.enqueue(buffer.subarray(0, bytesRead));
        if (at === end) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}
