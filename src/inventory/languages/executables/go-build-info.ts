import type { Executable } from './executable.ts';
import { number64, viewOf } from './ranges.ts';

/** What the linker of Go writes into every program. */
export interface GoBuildInfo {
  /** `go1.22.8`; '' where only the modules were found. */
  version: string;
  /** Lines of the main package, the main module, those it needs, and settings of the build. */
  modules: string;
}

const magic = Buffer.from('\xff Go buildinf:', 'latin1');
/** Both ends of the modules' text, so that they are found in memory dumps too. */
const modulesBegin = Buffer.from('3077af0c9274080241e1c107e6d618e6', 'hex');
const modulesEnd = Buffer.from('f932433186182072008242104116d8f2', 'hex');
const headerSize = 32;
const alignment = 16;
/** Longest texts; the modules of the largest programs have some 200 KB. */
const maxModules = 8 * 1024 * 1024;
const maxVersion = 256;
/** Bytes of a record with its texts, their lengths included; and of the modules' text with its ends. */
export const longestRecord = headerSize + maxVersion + maxModules + 64;
/** Places that look like the beginning of a record and are not one: tools that read such records contain the magic, too. */
const maxCandidates = 1_024;

/**
 * Finds the record of Go, as debug/buildinfo does (`\xff Go buildinf:`, the size of a pointer, flags). Its section says
 * where it is; without one it is searched in the whole file, at multiples of 16. Since Go 1.18 the texts follow the record;
 * before, it has pointers to them, for which the program's headers are needed.
 */
export function findGoBuildInfo(executable: Executable): GoBuildInfo | undefined {
  const { bytes } = executable;
  let hasPointers = false;
  for (const at of candidates(executable)) {
    const flags = bytes[at + 15] ?? 0;
    const inline = (flags & 2) !== 0;
    const found = inline ? readInline(bytes, at) : readPointers(executable, at, flags);
    if (found) return found;
    hasPointers ||= !inline;
  }
  // Position-independent programs have their pointers only once they are loaded.
  const modules = hasPointers ? findModules(bytes) : undefined;
  return modules === undefined ? undefined : { version: '', modules };
}

function* candidates({ bytes, section }: Executable): Generator<number> {
  const known = section('.go.buildinfo') ?? section('__go_buildinfo');
  if (known && startsAt(bytes, known.offset)) yield known.offset;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let left = maxCandidates;
  for (let at = buffer.indexOf(magic); at >= 0 && left > 0; at = buffer.indexOf(magic, at + 1)) {
    left--;
    if (at % alignment === 0 && at + headerSize <= bytes.length) yield at;
  }
}

function startsAt(bytes: Uint8Array, offset: number): boolean {
  return offset + headerSize <= bytes.length && magic.equals(bytes.subarray(offset, offset + magic.length));
}

/** Go 1.18 and later: two texts with their lengths, 32 bytes behind the beginning. */
function readInline(bytes: Uint8Array, at: number): GoBuildInfo | undefined {
  const version = readText(bytes, at + headerSize, maxVersion);
  if (!version || !isVersion(version.text)) return undefined;
  const modules = readText(bytes, version.end, maxModules);
  if (!modules) return undefined;
  return { version: decode(version.text), modules: withoutEnds(modules.text) };
}

function readText(bytes: Uint8Array, at: number, longest: number): { text: Uint8Array; end: number } | undefined {
  let length = 0;
  for (let index = 0; index < 5; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) {
      const start = at + index + 1;
      if (length > longest || start + length > bytes.length) return undefined;
      return { text: bytes.subarray(start, start + length), end: start + length };
    }
  }
  return undefined;
}

/** Before Go 1.18: pointers to two strings of Go, each a pointer to its bytes and a length. */
function readPointers(executable: Executable, at: number, flags: number): GoBuildInfo | undefined {
  const size = executable.bytes[at + 14];
  if (size !== 4 && size !== 8) return undefined;
  const littleEndian = (flags & 1) === 0;
  const pointer = (bytes: Uint8Array, offset: number) => {
    const view = viewOf(bytes);
    return size === 8 ? number64(view, offset, littleEndian) : view.getUint32(offset, littleEndian);
  };
  const text = (offset: number, longest: number) => {
    const header = executable.at(pointer(executable.bytes, offset), size * 2);
    const length = header && pointer(header, size);
    return length !== undefined && length <= longest ? executable.at(pointer(header!, 0), length) : undefined;
  };
  const version = text(at + 16, maxVersion);
  if (!version || !isVersion(version)) return undefined;
  return { version: decode(version), modules: withoutEnds(text(at + 16 + size, maxModules) ?? new Uint8Array()) };
}

/** The modules' text by its two ends alone. */
export function findModules(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let left = 16;
  for (let at = buffer.indexOf(modulesBegin); at >= 0 && left > 0; at = buffer.indexOf(modulesBegin, at + 1)) {
    left--;
    const start = at + modulesBegin.length;
    const end = buffer.subarray(start, start + maxModules).indexOf(modulesEnd);
    if (end <= 0) continue;
    const text = decode(bytes.subarray(start, start + end));
    if (/^(?:path|mod)\t/.test(text)) return text;
  }
  return undefined;
}

function withoutEnds(text: Uint8Array): string {
  const wrapped = text.length >= 33 && text[text.length - 17] === 10;
  return wrapped ? decode(text.subarray(16, -16)) : '';
}

function isVersion(text: Uint8Array): boolean {
  return /^(?:go\d|devel )[\u0020-\u007e]*$/.test(decode(text)) || decode(text) === 'devel';
}

function decode(text: Uint8Array): string {
  return new TextDecoder().decode(text);
}
