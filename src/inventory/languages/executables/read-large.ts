import type { ReadResult } from '../../reader.ts';
import { createFindings } from '../findings.ts';
import type { Executable } from './executable.ts';
import { findGoBuildInfo, findModules, type GoBuildInfo, longestRecord } from './go-build-info.ts';
import { goPackages } from './go-packages.ts';
import { isPacked, packedWarning } from './packed.ts';
import { readExecutables } from './read-executables.ts';

/**
 * A program that is too large to be held: libraries of graphics cards have gigabytes. The record of Go is where it is found,
 * without the headers, in one part of the file after another; a record that begins in one part and ends in the next is whole in
 * the next, which repeats the end of the one before. The list of cargo-auditable can only be found by headers at the
 * end of the file: it is not looked for.
 */
export async function readLargeExecutable(
  next: (into: Uint8Array) => Promise<number>,
  memory: Uint8Array,
): Promise<ReadResult> {
  const findings = createFindings();
  let inline: GoBuildInfo | undefined;
  let modules: string | undefined;
  let packed = false;
  // A multiple of 16, as places in a part have to be what they are in the file.
  const repeated = Math.ceil(longestRecord / 16) * 16;
  for (let held = 0, first = true; ; first = false) {
    const length = held + (await next(memory.subarray(held)));
    const part = memory.subarray(0, length);
    if (first) packed = readExecutables(part).some(isPacked);
    const found = inline ? undefined : findGoBuildInfo(headless(part));
    if (found && found.version !== '') inline = found;
    modules ??= found?.modules ?? findModules(part);
    if (length < memory.length) break;
    memory.copyWithin(0, length - repeated, length);
    held = repeated;
  }
  const info = inline ?? (modules === undefined ? undefined : { version: '', modules });
  for (const one of info ? goPackages(info) : []) findings.add(one);
  if (!info && packed) findings.warn(packedWarning);
  return findings.result();
}

/** A part of a program, of which no headers say where anything is. */
function headless(bytes: Uint8Array): Executable {
  return { bytes, littleEndian: true, sectionless: true, section: () => undefined, at: () => undefined };
}
