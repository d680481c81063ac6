import { dirname } from 'node:path';
import type { FileSystem, OpenFile } from '../../src/content/index.ts';

/** A file. Buffers are replaced, never changed, so that a picture of the disk costs nothing to take. */
interface Inode {
  /** What a reader sees. */
  data: Buffer;
  /** What the last sync put on the disk. */
  synced: Buffer;
  /** The least and the greatest length that it had since then. */
  shortest: number;
  longest: number;
}

type Entry = Inode | 'directory';

/** A change of a directory that no sync has covered yet. */
interface Change {
  path: string;
  entry: Entry | undefined;
  /** A rename takes the old name away only together with giving the new one. */
  needs: Change | undefined;
}

/** What is on the disk at one moment, and what may or may not be. */
export interface Disk {
  durable: ReadonlyMap<string, Entry>;
  pending: readonly Change[];
  files: ReadonlyMap<Inode, Inode>;
}

/** What a power cut left. Names of one file share it. */
export type Remains = ReadonlyMap<string, { data: Buffer } | 'directory'>;

export interface PowerCutFileSystem extends FileSystem {
  disk(): Disk;
  /** Grows with every change, of what is seen or of what is durable. */
  version(): number;
}

const empty = Buffer.alloc(0);
const block = 16;

/**
 * A file system in memory that keeps apart what was done and what is durable: the bytes of a file by fdatasync, the
 * names in a directory by fsync of that directory (POSIX promises no more). `step` is told of every call before it has
 * any effect, and after.
 */
export function createPowerCutFileSystem(step: () => void, remains: Remains = new Map()): PowerCutFileSystem {
  const restored = new Map<object, Inode>();
  const restore = (left: { data: Buffer } | 'directory'): Entry => {
    if (left === 'directory') return left;
    const file = restored.get(left) ?? { data: left.data, synced: left.data, ...lengths(left.data.length) };
    restored.set(left, file);
    return file;
  };
  const names = new Map([...remains].map(([path, left]) => [path, restore(left)] as const));
  const children = new Map<string, Set<string>>();
  const siblings = (path: string) => {
    const found = children.get(dirname(path)) ?? new Set();
    children.set(dirname(path), found);
    return found;
  };
  for (const path of names.keys()) siblings(path).add(path);
  const durable = new Map(names);
  let pending: Change[] = [];
  let version = 0;

  /** One call: the power may go before it, and after it. */
  async function call<T>(effect: () => T): Promise<T> {
    step();
    await Promise.resolve();
    const result = effect();
    version++;
    step();
    return result;
  }

  function inode(path: string): Inode | undefined {
    const found = names.get(path);
    return found === 'directory' ? undefined : found;
  }

  function change(path: string, entry: Entry | undefined, needs?: Change): Change {
    const made = { path, entry, needs };
    if (entry) {
      if (dirname(path) !== '/' && names.get(dirname(path)) !== 'directory') throw missing(path);
      names.set(path, entry);
      siblings(path).add(path);
    } else {
      names.delete(path);
      siblings(path).delete(path);
    }
    pending.push(made);
    return made;
  }

  function openFile(file: Inode): OpenFile {
    return {
      write: (chunks, position) =>
        call(() => {
          const bytes = Buffer.concat(chunks);
          const next = Buffer.alloc(Math.max(file.data.length, position + bytes.length));
          file.data.copy(next);
          bytes.copy(next, position);
          file.data = next;
          file.longest = Math.max(file.longest, next.length);
        }),
      truncate: (length) =>
        call(() => {
          file.data = resized(file.data, length);
          file.shortest = Math.min(file.shortest, length);
        }),
      size: async () => file.data.length,
      async datasync() {
        // What is written during the call may miss it.
        const { data } = file;
        await call(() => {
          file.synced = data;
          Object.assign(file, lengths(data.length, file.data.length));
        });
      },
      close: async () => {},
    };
  }

  return {
    create: (path) =>
      call(() => {
        const existing = inode(path);
        if (existing) Object.assign(existing, { data: empty, shortest: 0 });
        const file = existing ?? { data: empty, synced: empty, ...lengths(0) };
        if (!existing) change(path, file);
        return openFile(file);
      }),
    async open(path) {
      const file = inode(path);
      return file && openFile(file);
    },
    async *read(path, start, end) {
      const file = inode(path);
      if (!file) throw missing(path);
      yield file.data.subarray(start, end);
    },
    slice(path, start, end) {
      const file = inode(path);
      if (!file) throw missing(path);
      return new Blob([file.data.subarray(start, end)]);
    },
    rename: (from, to) =>
      call(() => {
        const file = inode(from);
        if (!file) return false;
        // Names of one file: POSIX leaves both.
        if (inode(to) !== file) change(from, undefined, change(to, file));
        return true;
      }),
    unlink: (path) => call(() => void (names.has(path) && change(path, undefined))),
    mkdir: (path) => call(() => void (names.has(path) || change(path, 'directory'))),
    async syncDirectory(path) {
      const covered = new Set(pending.filter((made) => dirname(made.path) === path));
      for (const { needs } of covered) if (needs) covered.add(needs);
      await call(() => {
        for (const made of pending) if (covered.has(made)) apply(durable, made);
        pending = pending.filter((made) => !covered.has(made));
      });
    },
    async *list(path) {
      yield* [...(children.get(path) ?? [])].map((name) => name.slice(path.length + 1));
    },
    async stat(path) {
      const found = names.get(path);
      return found && { size: found === 'directory' ? 0 : found.data.length, changedAt: Date.now() };
    },
    version: () => version,
    disk: () => ({
      durable: new Map(durable),
      pending: [...pending],
      files: new Map(
        [...durable.values(), ...pending.map(({ entry }) => entry)]
          .filter((entry): entry is Inode => typeof entry === 'object')
          .map((file) => [file, { ...file }]),
      ),
    }),
  };
}

/**
 * What a power cut leaves of a disk. Without `random` all that was not synced is lost; with it the kernel may have
 * written any of it: of each directory the first so many changes, of each file any block, and any length.
 */
export function cutPower({ durable, pending, files }: Disk, random?: () => number): Remains {
  const names = new Map(durable);
  const kept = new Set<Change>();
  const limits = new Map<string, number>();
  if (random) {
    for (const made of pending) {
      const directory = dirname(made.path);
      const left = limits.get(directory) ?? Math.floor(random() * (pending.length + 1));
      limits.set(directory, left - 1);
      if (left <= 0 || (made.needs && pending.includes(made.needs) && !kept.has(made.needs))) {
        limits.set(directory, 0);
        continue;
      }
      kept.add(made);
      apply(names, made);
    }
  }
  const remains = new Map<string, { data: Buffer } | 'directory'>();
  const shared = new Map<Inode, { data: Buffer }>();
  for (const [path, entry] of [...names].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    // What lay in a directory that is gone is gone.
    if (dirname(path) !== '/' && remains.get(dirname(path)) !== 'directory') continue;
    if (entry === 'directory') {
      remains.set(path, entry);
      continue;
    }
    const state = files.get(entry)!;
    const file = shared.get(entry) ?? { data: random ? torn(state, random) : state.synced };
    shared.set(entry, file);
    remains.set(path, file);
  }
  return remains;
}

function torn({ data, synced, shortest, longest }: Inode, random: () => number): Buffer {
  if (data === synced) return data;
  const possible = [data.length, synced.length, shortest + Math.floor(random() * (longest - shortest + 1))];
  const result = Buffer.alloc(possible[Math.floor(random() * 3)]!);
  const writes = random();
  for (let at = 0; at < result.length; at += block) {
    // A block that was never written reads as zeros.
    const source = random() < writes ? data : synced;
    if (at < source.length) source.copy(result, at, at, at + block);
  }
  return result;
}

function lengths(...seen: number[]) {
  return { shortest: Math.min(...seen), longest: Math.max(...seen) };
}

function apply(names: Map<string, Entry>, { path, entry }: Change): void {
  if (entry) names.set(path, entry);
  else names.delete(path);
}

function resized(data: Buffer, length: number): Buffer {
  const next = Buffer.alloc(length);
  data.copy(next);
  return next;
}

function missing(path: string): Error {
  return Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT', path });
}
