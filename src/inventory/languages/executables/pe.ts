import type { Executable } from './executable.ts';
import { atAddress, bytesOf, nameAt, number64, type Range, viewOf } from './ranges.ts';

/** Windows refuses to load more (PE format, COFF file header). */
const maxSections = 96;

/** PE of 32 and 64 bits. Its addresses count from where the program wants to be loaded. */
export function readPe(bytes: Uint8Array): Executable | undefined {
  const view = viewOf(bytes);
  if (bytes.length < 64) return undefined;
  const header = view.getUint32(60, true);
  if (header + 24 > bytes.length || view.getUint32(header) !== 0x50450000) return undefined;
  const optional = header + 24;
  const optionalSize = view.getUint16(header + 20, true);
  const table = optional + optionalSize;
  const sections: (Range & { name: string })[] = [];
  for (let index = 0; index < Math.min(view.getUint16(header + 6, true), maxSections); index++) {
    const at = table + index * 40;
    if (at + 40 > bytes.length) break;
    sections.push({
      name: nameAt(bytes, at, 8),
      address: view.getUint32(at + 12, true),
      size: view.getUint32(at + 16, true),
      offset: view.getUint32(at + 20, true),
    });
  }
  const base = imageBase(view, optional, optionalSize);
  return {
    bytes,
    littleEndian: true,
    sectionless: sections.length === 0,
    section(name) {
      const one = sections.find((section) => section.name === name);
      const found = one && bytesOf(bytes, one.offset, one.size);
      return found && { offset: one.offset, bytes: found };
    },
    at: (address, length) => atAddress(bytes, sections, address - base, length),
  };
}

function imageBase(view: DataView, optional: number, size: number): number {
  if (size < 32 || optional + 32 > view.byteLength) return 0;
  return view.getUint16(optional, true) === 0x20b
    ? number64(view, optional + 24, true)
    : view.getUint32(optional + 28, true);
}
