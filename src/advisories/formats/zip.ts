import { inflateRaw, inflateRawSync } from 'node:zlib';
import { promisify } from 'node:util';
import { AdvisoryImportError, importRefused } from '../import-error.ts';
import type { ByteSource } from './byte-source.ts';

/*
 * Reads a zip by its central directory (APPNOTE.TXT 6.3, zip64 included), entry by entry:
 *
 *   entry  entry  …  central directory  [zip64 end, its locator]  end (22 bytes and a comment)
 *
 * It is not believed what it says of itself: sizes are bounds, and entries that lie upon each other, as bombs do, are refused.
 */

export interface ZipLimits {
  entries: number;
  /** Bytes of one entry, unpacked. */
  entryBytes: number;
  /** Of all of them. */
  bytes: number;
}

export interface ZipEntry {
  name: string;
  /** Unpacked; throws where it is more than it says, or than the limits allow. */
  read(): Promise<Uint8Array>;
}

const endSignature = 0x0605_4b50;
const locatorSignature = 0x0706_4b50;
const end64Signature = 0x0606_4b50;
const centralSignature = 0x0201_4b50;
const localSignature = 0x0403_4b50;
const endBytes = 22;
const longestComment = 0xffff;
const readAhead = 1024 * 1024;
/** Pieces that lie no further apart follow each other (bytes). */
const near = 4096;
/** Smaller entries are unpacked at once, which is faster than to hand them to a thread. */
const smallBytes = 64 * 1024;
const inflate = promisify(inflateRaw);

/** Its files in the order of the directory. Throws AdvisoryImportError where it is none. */
export async function* readZip(source: ByteSource, limits: ZipLimits): AsyncGenerator<ZipEntry> {
  const directory = await findDirectory(source);
  if (directory.entries > limits.entries) throw importRefused(`the zip holds more than ${limits.entries} files`);
  const ofDirectory = windowOn(source);
  const ofEntries = windowOn(source);
  const window = (at: number, length: number) => {
    if (at + length > source.size) throw broken('its directory is cut off');
    return ofDirectory(at, length);
  };
  let position = directory.offset;
  let total = 0;
  let packedTotal = 0;
  for (let n = 0; n < directory.entries; n++) {
    const head = viewOf(await window(position, 46));
    if (head.getUint32(0, true) !== centralSignature) throw broken('its directory is malformed');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((at) => head.getUint16(at, true));
    const bytes = await window(position + 46, nameLength! + extraLength!);
    const name = new TextDecoder().decode(bytes.subarray(0, nameLength));
    const entry = { ...factsOf(head), ...zip64Of(head, bytes.subarray(nameLength)) };
    position += 46 + nameLength! + extraLength! + commentLength!;
    if (name.endsWith('/')) continue;
    total += entry.size;
    packedTotal += entry.packedSize;
    if (entry.size > limits.entryBytes)
      throw importRefused(`the zip holds a file of more than ${limits.entryBytes} bytes`);
    if (total > limits.bytes) throw importRefused(`the zip holds more than ${limits.bytes} bytes`);
    // Entries that share their bytes are how small files become endless.
    if (packedTotal > source.size) throw broken('its files overlap');
    yield { name, read: () => readEntry(ofEntries, entry) };
  }
}

interface EntryFacts {
  flags: number;
  method: number;
  /** CRC-32 of what it holds. */
  crc: number;
  packedSize: number;
  size: number;
  offset: number;
}

function factsOf(head: DataView): EntryFacts {
  return {
    flags: head.getUint16(8, true),
    method: head.getUint16(10, true),
    crc: head.getUint32(16, true),
    packedSize: head.getUint32(20, true),
    size: head.getUint32(24, true),
    offset: head.getUint32(42, true),
  };
}

/** What did not fit into 32 bits is in an extra field, in this order. */
function zip64Of(head: DataView, extra: Uint8Array): Partial<EntryFacts> {
  const wanted = (['size', 'packedSize', 'offset'] as const).filter(
    (key) => head.getUint32({ size: 24, packedSize: 20, offset: 42 }[key], true) === 0xffff_ffff,
  );
  if (wanted.length === 0) return {};
  const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    if (at + 4 + wanted.length * 8 > extra.length) break;
    return Object.fromEntries(wanted.map((key, n) => [key, wide(view, at + 4 + n * 8)]));
  }
  throw broken('its directory is malformed');
}

async function readEntry(
  read: ByteSource['read'],
  { flags, method, crc, packedSize, size, offset }: EntryFacts,
): Promise<Uint8Array> {
  if ((flags & 1) !== 0) throw broken('it is encrypted');
  const local = viewOf(await read(offset, 30));
  if (local.getUint32(0, true) !== localSignature) throw broken('an entry is not where its directory says');
  const start = offset + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  const packed = await read(start, packedSize);
  if (method === 0) {
    if (packedSize !== size) throw broken('an entry has another size than it says');
    return undamaged(packed, crc);
  }
  if (method !== 8) throw broken(`it is packed by method ${method}; use deflate`);
  try {
    const options = { maxOutputLength: Math.max(1, size) };
    const bytes = size <= smallBytes ? inflateRawSync(packed, options) : await inflate(packed, options);
    if (bytes.length === size) return undamaged(bytes, crc);
  } catch (error) {
    if (error instanceof AdvisoryImportError) throw error;
    throw importRefused('the zip cannot be read: an entry is damaged, or larger than it says', error);
  }
  throw broken('an entry has another size than it says');
}

/** A bit that fell over may make another version of one: what is not what was packed is no advisory. */
function undamaged(bytes: Uint8Array, crc: number): Uint8Array {
  if (Bun.hash.crc32(bytes) !== crc) throw broken('an entry is damaged');
  return bytes;
}

async function findDirectory(source: ByteSource): Promise<{ offset: number; entries: number }> {
  const length = Math.min(source.size, endBytes + longestComment);
  if (length < endBytes) throw importRefused('the file is no zip');
  const tail = viewOf(await source.read(source.size - length, length));
  for (let at = length - endBytes; at >= 0; at--) {
    if (tail.getUint32(at, true) !== endSignature || at + endBytes + tail.getUint16(at + 20, true) !== length) continue;
    const found = { entries: tail.getUint16(at + 10, true), offset: tail.getUint32(at + 16, true) };
    const isLarge = found.entries === 0xffff || found.offset === 0xffff_ffff;
    return isLarge ? findLargeDirectory(source, source.size - length + at - 20, found) : found;
  }
  throw importRefused('the file is no zip, or it is cut off: it has no directory at its end');
}

async function findLargeDirectory(source: ByteSource, position: number, small: { offset: number; entries: number }) {
  const locator = position < 0 ? undefined : viewOf(await source.read(position, 20));
  // Exactly as many files as the mark, and no more.
  if (locator?.getUint32(0, true) !== locatorSignature) return small;
  const end = viewOf(await source.read(wide(locator, 8), 56));
  if (end.getUint32(0, true) !== end64Signature) throw broken('its directory is malformed');
  return { entries: wide(end, 32), offset: wide(end, 48) };
}

/**
 * Reads small pieces that follow each other with few calls: the more of them, the further ahead. What lies in another order than it
 * is asked for is read by itself, so that a forged directory has nothing read over and over.
 */
function windowOn(source: ByteSource) {
  let start = 0;
  let held: Uint8Array = new Uint8Array();
  let ahead = 0;
  return async (position: number, length: number): Promise<Uint8Array> => {
    const end = start + held.length;
    if (position < start || position + length > end) {
      ahead = position >= start && position <= end + near ? Math.min(Math.max(2 * ahead, near), readAhead) : 0;
      const wanted = Math.max(length, Math.min(length + ahead, source.size - position));
      const bytes = await source.read(position, wanted);
      start = position;
      held = bytes;
    }
    return held.subarray(position - start, position - start + length);
  };
}

function wide(view: DataView, at: number): number {
  const value = view.getBigUint64(at, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw broken('a number in it is too large');
  return Number(value);
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const broken = (what: string) => importRefused(`the zip cannot be read: ${what}`);
