import { inflateRawSync } from 'node:zlib';
import { MalformedFile } from './malformed-file.ts';

/** Most entries of one archive; the largest programs in one jar have some 60,000 classes. */
const maxEntries = 400_000;

const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
const entrySignature = 0x02014b50;
const localSignature = 0x04034b50;
/** Of the record at the end, without its comment, which may have 64 KiB. */
const endLength = 22;

export interface ZipEntry {
  name: string;
  encrypted: boolean;
  /** 0 is stored, 8 is deflated; the others are not read. */
  method: number;
  /** Bytes in the archive, and what the directory claims that they become. */
  compressedSize: number;
  size: number;
  /** Of the local header, counted from the beginning of the bytes. */
  offset: number;
}

/** Whether these can be an archive at all: it begins as one, or has a directory at its end (a script in front of it). */
export function isZip(bytes: Uint8Array): boolean {
  return (bytes[0] === 0x50 && bytes[1] === 0x4b) || findEnd(viewOf(bytes)) !== undefined;
}

/**
 * The central directory of an archive that is wholly in memory (APPNOTE 4.3.12 to 4.3.16, zip64 included). Every offset and
 * length is compared with the bytes that there are; the count that the archive claims is not believed.
 */
export function readDirectory(bytes: Uint8Array): ZipEntry[] {
  const view = viewOf(bytes);
  const directory = findDirectory(view);
  const decoder = new TextDecoder();
  const entries: ZipEntry[] = [];
  let at = directory.start;
  while (at + 46 <= directory.end && view.getUint32(at, true) === entrySignature) {
    if (entries.length >= maxEntries) throw new MalformedFile(`has more than ${maxEntries} entries`);
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const next = at + 46 + nameLength + extraLength + view.getUint16(at + 32, true);
    if (next > directory.end) throw new MalformedFile('has a directory that goes beyond its end');
    const large = sizes64(view, at, at + 46 + nameLength, extraLength);
    entries.push({
      name: decoder.decode(bytes.subarray(at + 46, at + 46 + nameLength)),
      encrypted: (view.getUint16(at + 8, true) & 1) !== 0,
      method: view.getUint16(at + 10, true),
      compressedSize: large.compressedSize,
      size: large.size,
      offset: large.offset + directory.prefix,
    });
    at = next;
  }
  return entries;
}

/**
 * The bytes of an entry, at most `maxBytes` of them, whatever its headers claim. What is stored is not copied: it is a part
 * of `bytes`.
 */
export function readEntry(bytes: Uint8Array, entry: ZipEntry, maxBytes: number): Uint8Array {
  if (entry.encrypted) throw new MalformedFile('has an encrypted entry');
  const view = viewOf(bytes);
  if (entry.offset + 30 > bytes.length || view.getUint32(entry.offset, true) !== localSignature) {
    throw new MalformedFile('has an entry that is not where its directory says');
  }
  const lengths = view.getUint16(entry.offset + 26, true) + view.getUint16(entry.offset + 28, true);
  const start = entry.offset + 30 + lengths;
  if (start + entry.compressedSize > bytes.length) throw new MalformedFile('has an entry that goes beyond its end');
  const data = bytes.subarray(start, start + entry.compressedSize);
  if (entry.method === 0) {
    if (data.length > maxBytes) throw new MalformedFile(`has an entry of more than ${maxBytes} bytes`);
    return data;
  }
  if (entry.method !== 8) throw new MalformedFile(`has an entry compressed by method ${entry.method}`);
  try {
    return inflateRawSync(data, { maxOutputLength: maxBytes });
  } catch (error) {
    const tooLarge = (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE';
    throw new MalformedFile(tooLarge ? `has an entry of more than ${maxBytes} bytes` : 'has an entry that is broken');
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The last record that fits: a comment may contain what looks like one. */
function findEnd(view: DataView): number | undefined {
  const last = view.byteLength - endLength;
  for (let at = last; at >= 0 && at >= last - 0xffff; at--) {
    if (view.getUint32(at, true) !== endSignature) continue;
    if (at + endLength + view.getUint16(at + 20, true) <= view.byteLength) return at;
  }
  return undefined;
}

/** Where the directory lies. `prefix`: bytes in front of the archive, which its offsets do not count. */
function findDirectory(view: DataView): { start: number; end: number; prefix: number } {
  const at = findEnd(view);
  if (at === undefined) throw new MalformedFile('is an archive without its end');
  let end = at;
  let size = view.getUint32(at + 12, true);
  let offset = view.getUint32(at + 16, true);
  const is64 = size === 0xffffffff || offset === 0xffffffff || view.getUint16(at + 10, true) === 0xffff;
  if (is64 && at >= 20 && view.getUint32(at - 20, true) === locator64Signature) {
    // Written right before its locator, whatever offset that gives: bytes in front of the archive move both.
    end = at - 20 - 56;
    if (end < 0 || view.getUint32(end, true) !== end64Signature) throw new MalformedFile('has a broken zip64 record');
    size = number64(view, end + 40);
    offset = number64(view, end + 48);
  }
  const start = end - size;
  const prefix = start - offset;
  if (start < 0 || prefix < 0) throw new MalformedFile('has its directory outside of itself');
  return { start, end, prefix };
}

/** The three numbers of an entry, from the zip64 extra field where they do not fit into 32 bits. */
function sizes64(view: DataView, at: number, extra: number, extraLength: number) {
  const found = {
    size: view.getUint32(at + 24, true),
    compressedSize: view.getUint32(at + 20, true),
    offset: view.getUint32(at + 42, true),
  };
  const wanted = (['size', 'compressedSize', 'offset'] as const).filter((key) => found[key] === 0xffffffff);
  if (wanted.length === 0) return found;
  for (let field = extra; field + 4 <= extra + extraLength;) {
    const length = view.getUint16(field + 2, true);
    if (view.getUint16(field, true) === 1) {
      let from = field + 4;
      for (const key of wanted) {
        if (from + 8 > Math.min(field + 4 + length, extra + extraLength)) break;
        found[key] = number64(view, from);
        from += 8;
      }
      return found;
    }
    field += 4 + length;
  }
  return found;
}

function number64(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new MalformedFile('has a size that cannot be');
  return Number(value);
}
