import { mkdir, open, opendir, rename, stat, unlink } from 'node:fs/promises';

export interface OpenFile {
  /** Writes all chunks, one after the other, from `position` on. */
  write(chunks: Uint8Array[], position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** The calls that the file store's durability rests on. A function table, so that a test can cut the power between any two. */
export interface FileSystem {
  /** Opens for writing; creates the file when it is missing, and keeps what is in it. */
  open(path: string): Promise<OpenFile>;
  read(path: string, start: number, end: number): AsyncIterable<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  /** False when there was nothing to remove. */
  unlink(path: string): Promise<boolean>;
  /** Existing is fine. */
  mkdir(path: string): Promise<void>;
  /** Makes the entries of a directory survive a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** Names in a directory, none when it is missing; never all of them at once in memory. */
  list(path: string): AsyncIterable<string>;
  stat(path: string): Promise<{ size: number; changedAt: number } | undefined>;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

export const nodeFileSystem: FileSystem = {
  async open(path) {
    // O_RDWR | O_CREAT: without truncation, because an earlier request may have staged something already.
    const handle = await open(path, 0o102, 0o600);
    return {
      async write(chunks, position) {
        let { bytesWritten } = await handle.writev(chunks, position);
        // A short write happens where the disk is about to be full; the next one then says so.
        for (const chunk of chunks) {
          if (bytesWritten >= chunk.byteLength) {
            bytesWritten -= chunk.byteLength;
            position += chunk.byteLength;
            continue;
          }
          for (let done = bytesWritten; done < chunk.byteLength; ) {
            done += (await handle.write(chunk, done, chunk.byteLength - done, position + done)).bytesWritten;
          }
          bytesWritten = 0;
          position += chunk.byteLength;
        }
      },
      truncate: (length) => handle.truncate(length),
      datasync: () => handle.datasync(),
      close: () => handle.close(),
    };
  },
  async *read(path, start, end) {
    // Bun.file would read a missing file as an empty one.
    const handle = await open(path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(256 * 1024);
      for (let at = start; at < end; ) {
        const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - at), at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  },
  rename,
  async unlink(path) {
    try {
      await unlink(path);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  },
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
    try {
      for await (const entry of await opendir(path)) yield entry.name;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  },
  async stat(path) {
    try {
      const found = await stat(path);
      return { size: found.size, changedAt: found.mtimeMs };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
};
