import type { ByteSource } from '../unpack/byte-source.ts';
import type { LayerLimits } from '../limits.ts';
import type { WarningCode } from '../warnings.ts';
import { createContent, createScratch, type EntryContent, type Scratch } from './content.ts';
import { blockBytes, type Header, isZeroBlock, parseHeader } from './header.ts';
import { type PaxRecords, parsePax } from './pax.ts';
import { type SparseFile, sparseOfGnu, sparseOfPax } from './sparse.ts';
import { tarText } from './text.ts';

export type EntryKind = 'file' | 'directory' | 'hard-link' | 'symlink' | 'other';

export interface ArchiveEntry {
  /** As the archive says it, not normalised. */
  name: string;
  kind: EntryKind;
  mode: number;
  /** Bytes of the file, holes included; 0 of whatever is no file. */
  size: number;
  /** Where a link leads to, as the archive says it. */
  linkName: string;
  /** Of a file: to be read before the next entry is asked for, or never. */
  content: EntryContent;
}

/** What headers in front of a file's own say about it. */
interface Described {
  pax?: PaxRecords;
  longName?: string;
  longLink?: string;
}

/**
 * The entries of a tar archive, in order: ustar, PAX, GNU's long names, large numbers and files with holes, and what was
 * before them. It reads as Go's archive/tar does, by which container engines unpack, so that nobody can show this reader
 * other files than them; as there, what a global header of PAX says for all entries counts for none. Where that reader fails,
 * this one ends with a warning, and whoever asked has what came before.
 */
export async function* readArchive(
  bytes: ByteSource,
  limits: Pick<LayerLimits, 'entries' | 'headerBytes'>,
  warn: (code: WarningCode, path?: string, detail?: string) => void,
): AsyncGenerator<ArchiveEntry, void, undefined> {
  const scratch = createScratch();
  let described: Described = {};
  for (let count = 0; ; count++) {
    const block = await bytes.take(blockBytes);
    if (block.length < blockBytes) {
      // An archive without its end is whole as far as anybody can tell; one that ends inside of a block is not.
      if (block.length > 0) warn(count === 0 ? 'not-an-archive' : 'truncated-archive');
      return;
    }
    if (isZeroBlock(block)) {
      const next = await bytes.take(blockBytes);
      if (next.length > 0 && !isZeroBlock(next)) warn('damaged-archive', undefined, 'data after a lone empty block');
      return;
    }
    if (count >= limits.entries) {
      warn('too-many-entries', undefined, `only the first ${limits.entries} were looked at`);
      return;
    }
    const header = parseHeader(block);
    if (!header) {
      warn(count === 0 ? 'not-an-archive' : 'damaged-archive', undefined, `no header at byte ${bytes.position}`);
      return;
    }
    if (describes(header.type)) {
      if (header.size > limits.headerBytes) {
        warn('large-header', header.name, `${header.size} bytes`);
        return;
      }
      const text = await bytes.take(header.size);
      const next = describe(described, header.type, text);
      const whole = text.length === header.size;
      await bytes.skip(padding(header.size));
      if (!next || !whole) {
        warn(whole ? 'damaged-archive' : 'truncated-archive', header.name);
        return;
      }
      described = next;
      continue;
    }
    const entry = await entryOf(header, described, block, bytes, scratch, limits.headerBytes);
    if (!entry) {
      warn('damaged-archive', header.name, 'a file with holes whose map is none');
      return;
    }
    described = {};
    yield entry;
    const left = entry.content.left();
    if (entry.content.truncated() || (await bytes.skip(left)) < left) {
      warn('truncated-archive', entry.name);
      return;
    }
    // The padding of the last file may be missing.
    await bytes.skip(padding(entry.content.packedBytes));
  }
}

function describes(type: string): boolean {
  return type === 'x' || type === 'g' || type === 'L' || type === 'K';
}

/** Undefined where the text is not what its type says. */
function describe(before: Described, type: string, text: Uint8Array): Described | undefined {
  if (type === 'L') return { ...before, longName: tarText(text) };
  if (type === 'K') return { ...before, longLink: tarText(text) };
  const pax = parsePax(text);
  if (!pax) return undefined;
  return type === 'x' ? { ...before, pax } : before;
}

async function entryOf(
  header: Header,
  { pax, longName, longLink }: Described,
  block: Uint8Array,
  bytes: ByteSource,
  scratch: Scratch,
  maxMapBytes: number,
): Promise<ArchiveEntry | undefined> {
  const name = longName || pax?.path || header.name;
  const kind = kindOf(header.type, name);
  const hasContent = kind === 'file' || (kind === 'other' && !isDevice(header.type));
  const packedBytes = hasContent ? (pax?.size ?? header.size) : 0;
  let sparse: SparseFile | undefined;
  if (header.type === 'S') {
    sparse = await sparseOfGnu(block, bytes, maxMapBytes);
    if (!sparse) return undefined;
  } else if (pax && kind === 'file') sparse = sparseOfPax(pax.sparse, packedBytes);
  return {
    name: (sparse && pax?.sparse.name) || name,
    kind,
    mode: header.mode,
    size: kind === 'file' ? (sparse?.size ?? packedBytes) : 0,
    linkName: longLink || pax?.linkPath || header.linkName,
    content: createContent(bytes, packedBytes, sparse, scratch),
  };
}

function kindOf(type: string, name: string): EntryKind {
  // Before POSIX a directory was a file whose name ends with a slash.
  if (type === '\0') return name.endsWith('/') ? 'directory' : 'file';
  if (type === '0' || type === '7' || type === 'S') return 'file';
  if (type === '5') return 'directory';
  if (type === '1') return 'hard-link';
  if (type === '2') return 'symlink';
  return 'other';
}

function isDevice(type: string): boolean {
  return type === '3' || type === '4' || type === '6';
}

function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}
