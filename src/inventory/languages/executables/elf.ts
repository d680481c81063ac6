import type { Executable } from './executable.ts';
import { atAddress, bytesOf, nameAt, number64, type Range, viewOf } from './ranges.ts';

/** Longest name of a section that is compared. */
const maxSectionName = 64;

/** ELF of 32 and 64 bits, either byte order (System V ABI, chapters 4 and 5). */
export function readElf(bytes: Uint8Array): Executable | undefined {
  const is64 = bytes[4] === 2;
  const littleEndian = bytes[5] !== 2;
  if (bytes.length < (is64 ? 64 : 52)) return undefined;
  const view = viewOf(bytes);
  const word = (at: number) => (is64 ? number64(view, at, littleEndian) : view.getUint32(at, littleEndian));
  const half = (at: number) => view.getUint16(at, littleEndian);
  const programs = { offset: word(is64 ? 32 : 28), size: half(is64 ? 54 : 42), count: half(is64 ? 56 : 44) };
  const sections = { offset: word(is64 ? 40 : 32), size: half(is64 ? 58 : 46), count: half(is64 ? 60 : 48) };
  const names = half(is64 ? 62 : 50);

  const sectionAt = (index: number) => {
    const at = sections.offset + index * sections.size;
    const least = is64 ? 64 : 40;
    if (!Number.isSafeInteger(at) || sections.size < least || at + least > bytes.length) return undefined;
    const [offset, size] = is64 ? [word(at + 24), word(at + 32)] : [word(at + 16), word(at + 20)];
    // Bits of the file: what the program only reserves (NOBITS) has none.
    const present = view.getUint32(at + 4, littleEndian) !== 8;
    return { name: view.getUint32(at, littleEndian), offset, size: present ? size : 0 };
  };

  const segments = (): Range[] => {
    const found: Range[] = [];
    const least = is64 ? 56 : 32;
    for (let index = 0; index < programs.count; index++) {
      const at = programs.offset + index * programs.size;
      if (!Number.isSafeInteger(at) || programs.size < least || at + least > bytes.length) break;
      if (view.getUint32(at, littleEndian) !== 1) continue;
      found.push(
        is64
          ? { offset: word(at + 8), address: word(at + 16), size: word(at + 32) }
          : { offset: word(at + 4), address: word(at + 8), size: word(at + 16) },
      );
    }
    return found;
  };
  let loaded: Range[] | undefined;

  return {
    bytes,
    littleEndian,
    sectionless: sections.count === 0 || sectionAt(0) === undefined,
    section(name) {
      const table = sectionAt(names);
      if (!table || sections.count === 0) return undefined;
      for (let index = 0; index < sections.count; index++) {
        const one = sectionAt(index);
        if (!one) return undefined;
        if (nameAt(bytes, table.offset + one.name, maxSectionName) !== name) continue;
        const found = bytesOf(bytes, one.offset, one.size);
        return found && { offset: one.offset, bytes: found };
      }
      return undefined;
    },
    at: (address, length) => atAddress(bytes, (loaded ??= segments()), address, length),
  };
}
