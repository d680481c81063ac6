import type { Executable } from './executable.ts';
import { atAddress, bytesOf, nameAt, number64, type Range, viewOf } from './ranges.ts';

/** There have been three processors at most in one file. */
const maxSlices = 8;
/** Programs of Apple have some 30 commands, with some 20 sections in one. */
const maxCommands = 4_096;
const maxSections = 4_096;

/** The programs of a universal binary, one for each processor (`mach-o/fat.h`). */
export function slicesOf(bytes: Uint8Array): Uint8Array[] {
  const view = viewOf(bytes);
  const slices: Uint8Array[] = [];
  for (let index = 0; index < Math.min(view.getUint32(4), maxSlices); index++) {
    const at = 8 + index * 20;
    if (at + 20 > bytes.length) break;
    const slice = bytesOf(bytes, view.getUint32(at + 8), view.getUint32(at + 12));
    if (slice && slice.length > 32) slices.push(slice);
  }
  return slices;
}

/** Mach-O of 32 and 64 bits (`mach-o/loader.h`). */
export function readMachO(bytes: Uint8Array): Executable | undefined {
  if (bytes.length < 32) return undefined;
  const view = viewOf(bytes);
  const magic = view.getUint32(0);
  const littleEndian = magic === 0xcefaedfe || magic === 0xcffaedfe;
  const kind = littleEndian ? view.getUint32(0, true) : magic;
  if (kind !== 0xfeedfacf && kind !== 0xfeedface) return undefined;
  const is64 = kind === 0xfeedfacf;
  const int = (at: number) => view.getUint32(at, littleEndian);
  const word = (at: number) => (is64 ? number64(view, at, littleEndian) : int(at));
  const segments: Range[] = [];
  const sections: { name: string; offset: number; size: number }[] = [];

  const readSegment = (at: number, end: number) => {
    const headerSize = is64 ? 72 : 56;
    if (at + headerSize > end) return;
    segments.push(
      is64
        ? { address: word(at + 24), offset: word(at + 40), size: word(at + 48) }
        : { address: int(at + 24), offset: int(at + 32), size: int(at + 36) },
    );
    const count = int(at + (is64 ? 64 : 48));
    const each = is64 ? 80 : 68;
    for (let index = 0; index < count && sections.length < maxSections; index++) {
      const from = at + headerSize + index * each;
      if (from + each > end) return;
      const [size, offset] = is64 ? [word(from + 40), int(from + 48)] : [int(from + 36), int(from + 40)];
      sections.push({ name: nameAt(bytes, from, 16), offset, size });
    }
  };

  let at = is64 ? 32 : 28;
  for (let index = 0; index < Math.min(int(16), maxCommands) && at + 8 <= bytes.length; index++) {
    const size = int(at + 4);
    if (size < 8) break;
    if (int(at) === (is64 ? 0x19 : 0x01)) readSegment(at, Math.min(at + size, bytes.length));
    at += size;
  }
  return {
    bytes,
    littleEndian,
    sectionless: sections.length === 0,
    section(name) {
      const one = sections.find((section) => section.name === name);
      const found = one && bytesOf(bytes, one.offset, one.size);
      return found && { offset: one.offset, bytes: found };
    },
    at: (address, length) => atAddress(bytes, segments, address, length),
  };
}
