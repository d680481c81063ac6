import { opendir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { bounds } from '../bounds.ts';
import type { Item } from '../import-records.ts';
import { parseEcosystem } from '../../packages/index.ts';
import { listOf, objectOf } from '../read-record.ts';
import type { ByteSource } from './byte-source.ts';
import { readZip } from './zip.ts';

const zipLimits = { entries: bounds.records, entryBytes: bounds.recordBytes, bytes: 16 * 2 ** 30 };

/** The records of an export of OSV: `all.zip` of an ecosystem. */
export async function* readOsvZip(source: ByteSource): AsyncGenerator<Item> {
  for await (const entry of readZip(source, zipLimits)) {
    if (entry.name.endsWith('.json')) yield itemOf(await entry.read(), entry.name);
  }
}

/** The records of a directory, a file each, at any depth; in the order of their names. */
export async function* readOsvDirectory(path: string): AsyncGenerator<Item> {
  const names: string[] = [];
  for await (const entry of await opendir(path, { recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.json')) continue;
    names.push(join(entry.parentPath, entry.name));
    if (names.length > bounds.records) break;
  }
  for (const name of names.toSorted()) {
    const file = Bun.file(name);
    if (file.size > bounds.recordBytes)
      yield { refused: `${name} has more than ${bounds.recordBytes} bytes`, id: idIn(name) };
    else yield itemOf(await file.bytes(), name);
  }
}

/** One record, as it comes from a file. */
export function itemOf(bytes: Uint8Array, name: string): Item {
  const id = idIn(name);
  try {
    return { json: JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()), id };
  } catch {
    return { refused: `${name.slice(-200)} is no JSON`, id };
  }
}

/** Files are called by what they hold. */
const idIn = (name: string) => basename(name, '.json');

/** Records that are looked at to find out of which ecosystem an export is. */
const looked = 200;

/** The ecosystem that all of the first records speak of; undefined where that is none, or more than one. */
export async function ecosystemOf(items: AsyncIterable<Item>): Promise<string | undefined> {
  let common: Set<string> | undefined;
  let count = 0;
  for await (const item of items) {
    if (!('json' in item)) continue;
    const here = new Set<string>();
    for (const affected of listOf(objectOf(item.json)?.['affected'])) {
      const named = objectOf(objectOf(affected)?.['package'])?.['ecosystem'];
      const ecosystem = typeof named === 'string' ? parseEcosystem(named)?.ecosystem : undefined;
      if (ecosystem !== undefined) here.add(ecosystem);
    }
    // Withdrawn ones may affect nothing.
    if (here.size === 0) continue;
    common = common ? common.intersection(here) : here;
    if (++count === looked) break;
  }
  return common?.size === 1 ? [...common][0] : undefined;
}
