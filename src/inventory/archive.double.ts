import { gzipSync } from 'node:zlib';
import { type LayerInventory, readLayer, type ReadLayerOptions } from './index.ts';

/** An entry as a test wants it, however odd. */
export interface DoubleEntry {
  name: string;
  /** '0' by default; '5' where the name ends with a slash. */
  type?: string;
  content?: string | Uint8Array;
  link?: string;
  mode?: number;
  /** Where it is not that of the content. */
  size?: number;
  magic?: string;
}

export function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}

/** A header block; `patch` changes it before its checksum is made. */
export function headerBlock(entry: DoubleEntry, patch: (block: Buffer) => void = () => {}): Buffer {
  const { name, link = '', mode = 0o644, content = '', magic = 'ustar\u000000' } = entry;
  const block = Buffer.alloc(512);
  block.write(name, 0, 100, 'utf8');
  block.write(octal(mode, 8), 100, 'latin1');
  block.write(octal(0, 8), 108, 'latin1');
  block.write(octal(0, 8), 116, 'latin1');
  block.write(octal(entry.size ?? Buffer.from(content).length, 12), 124, 'latin1');
  block.write(octal(0, 12), 136, 'latin1');
  block.write(entry.type ?? (name.endsWith('/') ? '5' : '0'), 156, 'latin1');
  block.write(link, 157, 100, 'utf8');
  block.write(magic, 257, 'latin1');
  patch(block);
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${octal(sum, 7)} `, 148, 'latin1');
  return block;
}

export function entryBytes(entry: DoubleEntry): Buffer {
  const content = Buffer.from(entry.content ?? '');
  return Buffer.concat([headerBlock(entry), content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** An archive with its end. */
export function archiveOf(entries: readonly (DoubleEntry | Buffer)[]): Buffer {
  const parts = entries.map((entry) => (Buffer.isBuffer(entry) ? entry : entryBytes(entry)));
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(rest);
  length = Buffer.byteLength(`${length + `${length}`.length}${rest}`);
  return `${length}${rest}`;
}

/** An entry with PAX records in front. */
export function withPax(records: Record<string, string>, entry: DoubleEntry, type = 'x'): Buffer {
  const text = Object.entries(records)
    .map(([key, value]) => paxRecord(key, value))
    .join('');
  return Buffer.concat([entryBytes({ name: 'PaxHeaders/x', type, content: text }), entryBytes(entry)]);
}

/** In pieces of odd lengths, so that nothing rests on where they end. */
export async function* inPieces(bytes: Uint8Array, length = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

/** What is found in a layer of these entries. */
export function readEntries(
  entries: readonly (DoubleEntry | Buffer)[],
  options?: ReadLayerOptions,
): Promise<LayerInventory> {
  return readLayer(inPieces(gzipSync(archiveOf(entries))), options);
}

export function dpkgStatus(packages: Record<string, string>): string {
  return Object.entries(packages)
    .map(
      ([name, version]) =>
        `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${version}\n\n`,
    )
    .join('');
}

/** What was found, short: `path: name version, …`. */
export function foundIn({ files }: LayerInventory): string[] {
  return files.map(
    ({ path, packages }) => `${path}: ${packages.map(({ name, version }) => `${name} ${version}`).join(', ')}`,
  );
}

export function codesOf({ warnings }: Pick<LayerInventory, 'warnings'>): string[] {
  return warnings.map(({ code }) => code);
}
