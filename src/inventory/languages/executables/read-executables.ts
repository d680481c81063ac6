import { readElf } from './elf.ts';
import { readMachO, slicesOf } from './mach-o.ts';
import { readPe } from './pe.ts';
import type { Executable } from './executable.ts';

/** Which file begins so: by its first four bytes, and for the two that begin alike (Java classes) by what follows. */
export function formatOf(head: Uint8Array): 'elf' | 'pe' | 'mach-o' | 'universal' | undefined {
  if (head.length < 32) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const magic = view.getUint32(0);
  if (magic === 0x7f454c46) return 'elf';
  if (magic >>> 16 === 0x4d5a) return 'pe';
  if (magic === 0xfeedface || magic === 0xfeedfacf || magic === 0xcefaedfe || magic === 0xcffaedfe) return 'mach-o';
  // A class of Java has its version here, 45 or more; a universal binary the number of its programs.
  if (magic === 0xcafebabe && view.getUint32(4) < 20) return 'universal';
  return undefined;
}

/** The programs in a file: one, or for Apple's universal binaries one for each processor. Empty where the headers make no sense. */
export function readExecutables(bytes: Uint8Array): Executable[] {
  const readers = { elf: readElf, pe: readPe, 'mach-o': readMachO };
  const format = formatOf(bytes);
  if (format === undefined) return [];
  const found = format === 'universal' ? slicesOf(bytes).map((slice) => readMachO(slice)) : [readers[format](bytes)];
  return found.filter((one) => one !== undefined);
}
