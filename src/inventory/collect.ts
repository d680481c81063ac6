import { createFindingsBounds } from './bound-findings.ts';
import type { FoundFile } from './layer-inventory.ts';
import type { LayerLimits } from './limits.ts';
import { defaultMaxBytes, largeFileMemory, type Reader, type ReadResult } from './reader.ts';
import type { ArchiveEntry } from './tar/archive.ts';
import type { EntryContent } from './tar/content.ts';
import { parentOf } from './tar/path.ts';
import type { Warnings } from './warnings.ts';

/** What is asked of the first bytes of a file that is known by its content. */
const headBytes = 4096;

/** Files that are looked at because a directory above them was replaced in the same layer, which no builder does. */
const mostReplaced = 10_000_000;

/** The files of one layer with something in them, as they are when all of it is unpacked. */
export interface Collection {
  /** Reads a file where some reader wants it. */
  file(path: string, entry: ArchiveEntry): Promise<void>;
  /** A second name of a file of the same layer. */
  hardLink(path: string, target: string | undefined, mode: number): void;
  /** Something came to lie at a path: what was there, or below, is gone. */
  replace(path: string): void;
  /** A directory came to lie at a path: a file that was there is gone. */
  replaceFile(path: string): void;
  /** By path, then reader. */
  files(): FoundFile[];
}

export function createCollection(readers: readonly Reader[], limits: LayerLimits, warnings: Warnings): Collection {
  const found = new Map<string, FoundFile[]>();
  /** Directories with something found in them, so that hardly any replacement has to look for it. */
  const above = new Set<string>();
  const bounds = createFindingsBounds(limits, warnings);
  let collected = 0;
  let replaced = 0;
  /** Files in which nothing was found, so that a link to one is known to be nothing, too. */
  const nothingIn = new Set<string>();
  /** For files that are read in parts. */
  let memory: Uint8Array | undefined;

  function keep(path: string, files: FoundFile[]): void {
    if (files.length === 0) return;
    found.set(path, files);
    for (let one = parentOf(path); one !== undefined && !above.has(one); one = parentOf(one)) above.add(one);
  }

  function bounded(path: string, reader: string, result: ReadResult): FoundFile | undefined {
    const { packages, owns, os } = bounds.bound(path, result);
    if (packages.length === 0 && !owns && !os) return undefined;
    return { path, reader, packages, ...(owns && { owns }), ...(os && { os }) };
  }

  /** What one reader makes of a file; undefined for nothing. */
  async function readBy(
    reader: Reader,
    path: string,
    read: () => ReadResult | Promise<ReadResult>,
  ): Promise<FoundFile | undefined> {
    try {
      const result = await read();
      for (const warning of result.warnings ?? []) warnings.add('unread-part', path, warning);
      const file = bounded(path, reader.name, result);
      if (!file && nothingIn.size < limits.files) nothingIn.add(`${reader.name}\n${path}`);
      return file;
    } catch (error) {
      warnings.add('unread-file', path, `${reader.name}: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Without holding it, so that its size is no matter. Bytes that could not be had are no fault of the file. */
  async function readInParts(reader: Reader, path: string, content: EntryContent): Promise<FoundFile | undefined> {
    memory ??= new Uint8Array(largeFileMemory);
    let failure: unknown;
    const next = (into: Uint8Array) =>
      content.part(into).catch((error: unknown) => {
        failure = error;
        throw error;
      });
    const file = await readBy(reader, path, () => reader.readLarge!(next, memory!));
    if (failure !== undefined) throw failure;
    return file;
  }

  return {
    async file(path, { mode, size, content }) {
      const facts = { mode, size };
      let takers = readers.filter((reader) => reader.wants(path, facts));
      if (takers.length === 0) return;
      const bytes = Math.max(size, content.packedBytes);
      if (takers.every((reader) => reader.recognises)) {
        // Its holes have to be filled before such a file is known.
        if (content.hasHoles && bytes > limits.fileBytes) {
          warnings.add('large-file', path, `${bytes} bytes, with holes`);
          return;
        }
        const head = await content.head(headBytes);
        takers = takers.filter((reader) => reader.recognises!(head));
        if (takers.length === 0) return;
      }
      const mostOf = (reader: Reader) => Math.min(reader.maxBytes ?? defaultMaxBytes, limits.fileBytes);
      const [only, other] = takers;
      if (only?.readLarge && !other && !content.hasHoles && bytes > mostOf(only)) {
        const one = await readInParts(only, path, content);
        keep(path, one ? [one] : []);
        return;
      }
      takers = takers.filter((reader) => {
        const most = mostOf(reader);
        if (bytes > most) warnings.add('large-file', path, `${bytes} bytes, for ${reader.name} ${most}`);
        return bytes <= most;
      });
      if (takers.length === 0) return;
      if (collected + bytes > limits.collectedBytes) {
        warnings.add('too-many-collected', path);
        return;
      }
      collected += bytes;
      const whole = await content.whole();
      if (!whole) {
        warnings.add('unread-file', path, 'a file with holes whose map is none');
        return;
      }
      const recognising = takers.filter((reader) => reader.recognises?.(whole.subarray(0, headBytes)) ?? true);
      const files: FoundFile[] = [];
      for (const reader of recognising) {
        const one = await readBy(reader, path, () => reader.read(path, whole));
        if (one) files.push(one);
      }
      keep(path, files);
    },
    hardLink(path, target, mode) {
      const files = (target !== undefined && found.get(target)) || [];
      const wanting = readers.filter((reader) => reader.wants(path, { mode, size: 1 }));
      // An executable is found by its content, which is the same under each name. A database is one by its name.
      const same = files.filter(({ reader: name }) =>
        readers.some((reader) => reader.name === name && (reader.recognises || wanting.includes(reader))),
      );
      keep(
        path,
        // It is kept once more, and so counts once more.
        same.flatMap((file) => bounded(path, file.reader, file) ?? []),
      );
      for (const reader of wanting) {
        const isRead = same.some((file) => file.reader === reader.name) || nothingIn.has(`${reader.name}\n${target}`);
        if (!reader.recognises && !isRead) {
          warnings.add('unread-link', path, `a hard link to ${target ?? 'what is no path'}, which was not read`);
        }
      }
    },
    replace(path) {
      found.delete(path);
      if (!above.has(path)) return;
      replaced += found.size;
      if (replaced > mostReplaced) {
        warnings.add('damaged-archive', path, 'directories are replaced again and again');
        return;
      }
      for (const other of found.keys()) if (other.startsWith(`${path}/`)) found.delete(other);
    },
    replaceFile: (path) => void found.delete(path),
    files: () => [...found.values()].flat().toSorted((a, b) => order(a.path, b.path) || order(a.reader, b.reader)),
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
