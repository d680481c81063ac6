import { dirname } from 'node:path';
import type { FileSystem } from '../../src/content/index.ts';

/** A file: what was written, and what of it is on the disk. */
interface Inode {
  written: Buffer;
  synced: Buffer;
}

type Entries = ReadonlyMap<string, Inode | 'directory'>;

/** What is on the disk at one moment. Immutable: taking one costs little, and many can be kept. */
export type Disk = ReadonlyMap<string, Entries>;

export interface PowerCutFileSystem extends FileSystem {
  /**
   * What a power cut now would leave: file data and directory entries that were not synced are gone. `kept` says for
   * one of them whether the kernel happened to have written it anyway.
   */
  cut(kept: () => boolean): Disk;
  /** Bytes of a file as a reader sees them now. */
  content(path: string): Buffer | undefined;
}

const empty = Buffer.alloc(0);

/**
 * A file system in memory that keeps apart what was done and what is durable (POSIX: fdatasync for the bytes of a
 * file, fsync of a directory for the names in it). `step` is called after each change.
 */
export function createPowerCutFileSystem(step: () => void, disk?: Disk): PowerCutFileSystem {
  // Names by their directory: as they are, and as they are on the disk.
  const names = new Map<string, Map<string, Inode | 'directory'>>();
  const durable = new Map<string, Map<string, Inode | 'directory'>>();
  for (const [path, entries] of disk ?? [['/', new Map()]]) {
    names.set(path, new Map(entries));
    durable.set(path, new Map(entries));
  }
  const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
  const missing = (path: string) => Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT', path });
  const directory = (path: string) => {
    const found = names.get(path);
    if (!found) throw missing(path);
    return found;
  };
  const inode = (path: string): Inode | undefined => {
    const found = names.get(dirname(path))?.get(nameOf(path));
    return found === 'directory' ? undefined : found;
  };

  return {
    async open(path) {
      await Promise.resolve();
      let file = inode(path);
      if (!file) {
        file = { written: empty, synced: empty };
        directory(dirname(path)).set(nameOf(path), file);
        step();
      }
      const opened = file;
      return {
        async write(chunks, position) {
          await Promise.resolve();
          const bytes = Buffer.concat(chunks);
          const next = Buffer.alloc(Math.max(opened.written.length, position + bytes.length));
          opened.written.copy(next);
          bytes.copy(next, position);
          opened.written = next;
          step();
        },
        async truncate(length) {
          await Promise.resolve();
          const next = Buffer.alloc(length);
          opened.written.copy(next);
          opened.written = next;
          step();
        },
        async datasync() {
          const flushed = opened.written;
          await Promise.resolve();
          opened.synced = flushed;
          step();
        },
        async close() {},
      };
    },
    async *read(path, start, end) {
      await Promise.resolve();
      const file = inode(path);
      if (!file) throw missing(path);
      yield file.written.subarray(start, end);
    },
    async rename(from, to) {
      await Promise.resolve();
      const file = inode(from);
      if (!file) throw missing(from);
      directory(dirname(to)).set(nameOf(to), file);
      directory(dirname(from)).delete(nameOf(from));
      step();
    },
    async unlink(path) {
      await Promise.resolve();
      const removed = directory(dirname(path)).delete(nameOf(path));
      step();
      return removed;
    },
    async mkdir(path) {
      await Promise.resolve();
      for (let at = 1; at !== 0; at = path.indexOf('/', at) + 1) {
        const end = path.indexOf('/', at);
        const part = end === -1 ? path : path.slice(0, end);
        if (!names.has(part)) {
          names.get(dirname(part))!.set(nameOf(part), 'directory');
          names.set(part, new Map());
          durable.set(part, new Map());
          step();
        }
      }
    },
    async syncDirectory(path) {
      const flushed = new Map(directory(path));
      await Promise.resolve();
      durable.set(path, flushed);
      step();
    },
    async *list(path) {
      await Promise.resolve();
      yield* [...(names.get(path)?.keys() ?? [])];
    },
    async stat(path) {
      await Promise.resolve();
      const file = inode(path);
      return file && { size: file.written.length, changedAt: Date.now() };
    },
    content: (path) => inode(path)?.written,
    cut(kept) {
      const left = new Map<string, Map<string, Inode | 'directory'>>();
      const visit = (path: string) => {
        const before = durable.get(path) ?? new Map<string, Inode | 'directory'>();
        const now = names.get(path) ?? before;
        const entries = new Map<string, Inode | 'directory'>();
        for (const name of new Set([...before.keys(), ...now.keys()])) {
          const entry = before.get(name) !== now.get(name) && kept() ? now.get(name) : before.get(name);
          if (entry === undefined) continue;
          if (entry === 'directory') {
            entries.set(name, entry);
            visit(path === '/' ? `/${name}` : `${path}/${name}`);
          } else {
            const bytes = entry.written !== entry.synced && kept() ? entry.written : entry.synced;
            entries.set(name, { written: bytes, synced: bytes });
          }
        }
        left.set(path, entries);
      };
      visit('/');
      return left;
    },
  };
}
