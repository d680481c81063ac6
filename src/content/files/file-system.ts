import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, opendir, rename, stat, unlink } from 'node:fs/promises';

export interface OpenFile {
  /** Writes all chunks, one after the other, from `position` on. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Bytes. */
  size(): Promise<number>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** The calls that the file store rests on. A function table, so that a test can cut the power between any two. */
export interface FileSystem {
  /** Opens for writing; a missing file is created, an existing one emptied. */
  create(path: string): Promise<OpenFile>;
  /** Opens for writing and keeps what is there; undefined when the file is missing. */
  open(path: string): Promise<OpenFile | undefined>;
  /** Reads to `end` (exclusive), or to the end of the file. A chunk is valid until the next one is asked for. */
  read(path: string, start: number, end: number): AsyncIterable<Uint8Array>;
  /** A body of the bytes `start` to `end` (exclusive); reading it throws when the file is missing. */
  slice(path: string, start: number, end: number): Blob;
  /** False when there is nothing to rename. */
  rename(from: string, to: string): Promise<boolean>;
  /** Missing is fine. */
  unlink(path: string): Promise<void>;
  /** Existing is fine. */
  mkdir(path: string): Promise<void>;
  /** Makes the entries of a directory survive a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** Names in a directory; none when it is missing. */
  list(path: string): AsyncIterable<string>;
  stat(path: string): Promise<{ size: number; changedAt: number } | undefined>;
}

export const nodeFileSystem: FileSystem = {
  async create(path) {
    return openFile(await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o600));
  },
  async open(path) {
    const handle = await orUndefined(open(path, constants.O_RDWR));
    return handle && openFile(handle);
  },
  async *read(path, start, end) {
    // Bun.file would read a missing file as an empty one.
    const handle = await open(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(Math.min(256 * 1024, end - start));
      for (let at = start; at < end;) {
        const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - at), at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  },
  slice: (path, start, end) => Bun.file(path).slice(start, end),
  rename: async (from, to) => (await orUndefined(rename(from, to).then(() => true))) ?? false,
  unlink: (path) => orUndefined(unlink(path)),
  async mkdir(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  async syncDirectory(path) {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  async *list(path) {
    const directory = await orUndefined(opendir(path));
    if (directory) for await (const entry of directory) yield entry.name;
  },
  async stat(path) {
    const found = await orUndefined(stat(path));
    return found && { size: found.size, changedAt: found.mtimeMs };
  },
};

function openFile(handle: FileHandle): OpenFile {
  return {
    write: (chunks, position) => writeAll(handle, chunks, position),
    truncate: (length) => handle.truncate(length),
    size: async () => (await handle.stat()).size,
    datasync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let { bytesWritten } = await handle.writev(chunks, position);
  // A short write happens where the disk is about to be full; the next one then says so.
  for (const chunk of chunks) {
    const written = Math.min(bytesWritten, chunk.byteLength);
    bytesWritten -= written;
    for (let done = written; done < chunk.byteLength;) {
      done += (await handle.write(chunk, done, chunk.byteLength - done, position + done)).bytesWritten;
    }
    position += chunk.byteLength;
  }
}

/** What is missing is an answer, not a failure. */
async function orUndefined<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
