import type { ByteSource } from '../unpack/byte-source.ts';
import { blockBytes } from './header.ts';
import { tarNumber } from './number.ts';
import type { SparseRecords } from './pax.ts';
import { decodeText } from './text.ts';

/** A part of a file that is in the archive; what lies between two is zeros. */
interface Extent {
  offset: number;
  length: number;
}

/** A file with holes: GNU tar manual, "Storing Sparse Files". */
export interface SparseFile {
  /** Bytes of the file with its holes. */
  size: number;
  /** Undefined where it stands in front of the data (1.0). */
  extents?: Extent[];
}

/** Most parts of a file whose holes are filled. */
const maxExtents = 100_000;

/** What the records of PAX say of holes; undefined where nothing, or nothing that is known. `size` is of the data. */
export function sparseOfPax(records: SparseRecords, size: number): SparseFile | undefined {
  const { major, minor, map, offsets, lengths } = records;
  const real = records.realSize !== undefined && /^[0-9]{1,16}$/.test(records.realSize) ? +records.realSize : size;
  if (major === '1' && minor === '0') return { size: real };
  if (major !== undefined && (major !== '0' || (minor !== '0' && minor !== '1'))) return undefined;
  if (map !== undefined) return { size: real, extents: pairs(map.split(',')) };
  if (offsets.length === 0) return undefined;
  return { size: real, extents: pairs(offsets.flatMap((offset, i) => [offset, lengths[i] ?? ''])) };
}

/**
 * The holes of an old GNU header (type `S`), and of the blocks that follow it while the last one says so. Undefined where
 * they are none, or more than `maxBytes` long.
 */
export async function sparseOfGnu(
  block: Uint8Array,
  bytes: ByteSource,
  maxBytes: number,
): Promise<SparseFile | undefined> {
  const size = tarNumber(block.subarray(483, 495));
  if (size === undefined) return undefined;
  const extents: Extent[] = [];
  if (!addExtents(block.subarray(386, 482), extents)) return undefined;
  let more = block[482] !== 0;
  for (let read = blockBytes; more; read += blockBytes) {
    const extension = await bytes.take(blockBytes);
    if (read > maxBytes || extension.length < blockBytes || !addExtents(extension.subarray(0, 504), extents)) {
      return undefined;
    }
    more = extension[504] !== 0;
  }
  return { size, extents };
}

function addExtents(fields: Uint8Array, extents: Extent[]): boolean {
  for (let at = 0; at + 24 <= fields.length && fields[at] !== 0; at += 24) {
    const offset = tarNumber(fields.subarray(at, at + 12));
    const length = tarNumber(fields.subarray(at + 12, at + 24));
    if (offset === undefined || length === undefined) return false;
    extents.push({ offset, length });
  }
  return true;
}

/** The file with its holes filled, from the data of the archive; undefined where that is not as the parts say. */
export function fillHoles({ size, extents }: SparseFile, data: Uint8Array): Uint8Array | undefined {
  const read = extents ? { extents, from: 0 } : leadingMap(data);
  if (!read || read.extents.length > maxExtents) return undefined;
  const whole = new Uint8Array(size);
  let from = read.from;
  for (const { offset, length } of read.extents) {
    if (!(offset + length <= size) || from + length > data.length) return undefined;
    whole.set(data.subarray(from, from + length), offset);
    from += length;
  }
  return whole;
}

/** 1.0: the number of parts and then offset and length of each, a line each, up to the end of a block. */
function leadingMap(data: Uint8Array): { extents: Extent[]; from: number } | undefined {
  let at = 0;
  const number = (): number => {
    const end = data.indexOf(0x0a, at);
    if (end < 0 || end - at > 16) return Number.NaN;
    const value = Number(decodeText(data.subarray(at, end)));
    at = end + 1;
    return value;
  };
  const count = number();
  if (!(count >= 0 && count <= maxExtents)) return undefined;
  const extents: Extent[] = [];
  for (let i = 0; i < count; i++) extents.push({ offset: number(), length: number() });
  if (!extents.every(isSound)) return undefined;
  return { extents, from: Math.ceil(at / blockBytes) * blockBytes };
}

function pairs(numbers: readonly string[]): Extent[] {
  const extents: Extent[] = [];
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    extents.push({ offset: Number(numbers[i]), length: Number(numbers[i + 1]) });
  }
  // What is no number is found where holes are filled.
  return extents.every(isSound) ? extents : [{ offset: Number.NaN, length: 0 }];
}

function isSound({ offset, length }: Extent): boolean {
  return Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
}
