import { type FileHandle, open } from 'node:fs/promises';
import { importRefused } from '../import-error.ts';

/** Bytes that are read where they are wanted: a file may be larger than memory. */
export interface ByteSource {
  readonly size: number;
  /** `length` bytes from `position` on; throws AdvisoryImportError where it has not as many. */
  read(position: number, length: number): Promise<Uint8Array>;
}

export interface OpenSource extends ByteSource, AsyncDisposable {}

export async function openFile(path: string): Promise<OpenSource> {
  return sourceOfFile(await open(path, 'r'));
}

/** An open file, which is closed with the source. */
export async function sourceOfFile(handle: FileHandle): Promise<OpenSource> {
  const { size } = await handle.stat();
  return {
    size,
    async read(position, length) {
      requireWithin(size, position, length);
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length;) {
        const { bytesRead } = await handle.read(bytes, at, length - at, position + at);
        if (bytesRead === 0) throw importRefused('the file became shorter while it was read');
        at += bytesRead;
      }
      return bytes;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

export function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    async read(position, length) {
      requireWithin(bytes.length, position, length);
      return bytes.subarray(position, position + length);
    },
  };
}

function requireWithin(size: number, position: number, length: number): void {
  const isInside = Number.isSafeInteger(position) && position >= 0 && length >= 0 && position + length <= size;
  if (!isInside) throw importRefused('the file points behind its own end: it is cut off or forged');
}
