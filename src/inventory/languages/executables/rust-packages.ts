import { inflateSync } from 'node:zlib';
import type { FoundPackage } from '../../reader.ts';
import { MalformedFile } from '../malformed-file.ts';
import { asList, asRecord, asText, parseJson } from '../parse-json.ts';
import type { Executable } from './executable.ts';

/** Most bytes of the list when unpacked. */
const maxList = 8 * 1024 * 1024;

/** Packages of a Rust program that was built with cargo-auditable: a list in a section of its own, without what only built it. */
export function rustPackages(executable: Executable): FoundPackage[] {
  const section = executable.section('.dep-v0');
  if (!section || section.bytes.length === 0) return [];
  return asList(asRecord(parseJson(unpack(section.bytes)))?.['packages']).flatMap((one): FoundPackage[] => {
    const record = asRecord(one);
    const name = asText(record?.['name']);
    const version = asText(record?.['version']);
    if (!name || version === undefined || record?.['kind'] === 'build') return [];
    return [{ type: 'cargo', name, version }];
  });
}

function unpack(bytes: Uint8Array): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: maxList });
  } catch {
    throw new MalformedFile('has a list of Rust packages that cannot be unpacked');
  }
}
