import { open, mkdir, readdir, rename, stat, unlink } from 'node:fs/promises';

export interface OpenFile {
  write(chunk: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** The calls that the file store's durability rests on. A function table, so that a test can cut the power between any two. */
export interface FileSystem {
  open(path: string): Promise<OpenFile>;
  read(path: string, start: number, end: number): AsyncIterable<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  mkdir(path: string): Promise<void>;
  /** Makes the entries of a directory survive a power cut. */
  syncDirectory(path: string): Promise<void>;
  list(path: string): Promise<string[]>;
  stat(path: string): Promise<{ size: number; changedAt: number } | undefined>;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

export const nodeFileSystem: FileSystem = {
  async open(path) {
    // 'a' would ignore positions on Linux; O_RDWR | O_CREAT without truncation keeps what an earlier request staged.
    const handle = await open(path, 0o102, 0o600);
    return {
      async write(chunk, position) {
        let done = 0;
        while (done < chunk.byteLength) {
          const { bytesWritten } = await handle.write(chunk, done, chunk.byteLength - done, position + done);
          done += bytesWritten;
        }
      },
      truncate: (length) => handle.truncate(length),
      datasync: () => handle.datasync(),
      close: () => handle.close(),
    };
  },
  read: (path, start, end) => Bun.file(path).slice(start, end).stream() as unknown as AsyncIterable<Uint8Array>,
  rename,
  async unlink(path) {
    await unlink(path).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
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
  async list(path) {
    return readdir(path).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
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
