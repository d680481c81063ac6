import { tarNumber } from './number.ts';
import { tarText } from './text.ts';

export const blockBytes = 512;

/** A header block, before what headers in front of it say about it. */
export interface Header {
  name: string;
  mode: number;
  size: number;
  /** The character of its type: `0` a file, `5` a directory, `x` PAX records … */
  type: string;
  linkName: string;
}

/*
 * Offsets (POSIX pax, "ustar Interchange Format"):
 *
 *   0 name 100 | 100 mode 8 | 108 uid 8 | 116 gid 8 | 124 size 12 | 136 mtime 12 | 148 checksum 8 | 156 type 1
 *   157 linkname 100 | 257 magic 6 | 263 version 2 | 265 uname 32 | 297 gname 32 | 329 major 8 | 337 minor 8
 *   345 prefix 155 (ustar alone: GNU has other things there)
 */

/** Undefined where it is no header: its checksum is wrong, or a number is none. */
export function parseHeader(block: Uint8Array): Header | undefined {
  const checksum = tarNumber(block.subarray(148, 156));
  const sums = checksums(block);
  if (checksum === undefined || (checksum !== sums.unsigned && checksum !== sums.signed)) return undefined;
  const size = tarNumber(block.subarray(124, 136));
  if (size === undefined) return undefined;
  const name = tarText(block.subarray(0, 100));
  const prefix = isUstar(block) && block[345] !== 0 ? tarText(block.subarray(345, 500)) : '';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: tarNumber(block.subarray(100, 108)) ?? 0,
    size,
    type: String.fromCharCode(block[156]!),
    linkName: block[157] === 0 ? '' : tarText(block.subarray(157, 257)),
  };
}

export function isZeroBlock(block: Uint8Array): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}

/** `ustar\0`, where GNU has `ustar  `. */
function isUstar(block: Uint8Array): boolean {
  return (
    block[257] === 0x75 &&
    block[258] === 0x73 &&
    block[259] === 0x74 &&
    block[260] === 0x61 &&
    block[261] === 0x72 &&
    block[262] === 0
  );
}

/** The sum of all bytes, those of the checksum taken as spaces. Old programs added signed ones. */
function checksums(block: Uint8Array): { unsigned: number; signed: number } {
  let unsigned = 0;
  let high = 0;
  for (let i = 0; i < blockBytes; i++) {
    const byte = i >= 148 && i < 156 ? 0x20 : block[i]!;
    unsigned += byte;
    high += byte >> 7;
  }
  return { unsigned, signed: unsigned - high * 256 };
}
