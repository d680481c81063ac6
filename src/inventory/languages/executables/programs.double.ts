interface Section {
  name: string;
  content: Uint8Array;
}

interface Shape {
  bits?: 32 | 64;
  bigEndian?: boolean;
  /** Leaves out the table of sections, as packers do. */
  sectionless?: boolean;
  /** At which address the file is loaded, wholly. */
  address?: number;
}

/** Where contents begin in every program made here: a page, behind all headers. */
const contentAt = 4_096;

interface Writer {
  bytes: Buffer;
  u16(at: number, value: number): void;
  u32(at: number, value: number): void;
  /** As wide as an address. */
  word(at: number, value: number): void;
}

function writerOf(bytes: Buffer, { bits = 64, bigEndian = false }: Shape): Writer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    bytes,
    u16: (at, value) => view.setUint16(at, value, !bigEndian),
    u32: (at, value) => view.setUint32(at, value, !bigEndian),
    word(at, value) {
      if (bits === 64) view.setBigUint64(at, BigInt(value), !bigEndian);
      else view.setUint32(at, value, !bigEndian);
    },
  };
}

/** One after another, each at a multiple of 16. */
function laidOut(sections: readonly Section[]): { placed: (Section & { offset: number })[]; body: Buffer } {
  let offset = contentAt;
  const parts: Buffer[] = [];
  const placed = sections.map((section) => {
    const content = Buffer.concat([section.content, Buffer.alloc(-section.content.length & 15)]);
    parts.push(content);
    offset += content.length;
    return { ...section, offset: offset - content.length };
  });
  return { placed, body: Buffer.concat(parts) };
}

export function elfOf(sections: readonly Section[], shape: Shape = {}): Uint8Array {
  const { bits = 64, bigEndian = false, sectionless = false, address = 0x400000 } = shape;
  const names = ['', ...sections.map(({ name }) => name), '.shstrtab'];
  const table = Buffer.from(`${names.join('\0')}\0`);
  const { placed, body } = laidOut([...sections, { name: '.shstrtab', content: table }]);
  const [headerSize, segmentSize, sectionSize] = bits === 64 ? [64, 56, 64] : [52, 32, 40];
  const head = writerOf(Buffer.alloc(contentAt), shape);
  head.bytes.set([0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, bigEndian ? 2 : 1, 1]);
  const half = bits === 64 ? 52 : 40;
  head.word(bits === 64 ? 32 : 28, headerSize);
  head.word(bits === 64 ? 40 : 32, sectionless ? 0 : contentAt + body.length);
  for (const [index, value] of [headerSize, segmentSize, 1, sectionSize].entries()) head.u16(half + index * 2, value);
  head.u16(half + 8, sectionless ? 0 : placed.length + 1);
  head.u16(half + 10, sectionless ? 0 : placed.length);
  const size = contentAt + body.length;
  head.u32(headerSize, 1);
  if (bits === 64)
    for (const [at, value] of [
      [8, 0],
      [16, address],
      [32, size],
    ] as const)
      head.word(headerSize + at, value);
  else
    for (const [at, value] of [
      [4, 0],
      [8, address],
      [16, size],
    ] as const)
      head.word(headerSize + at, value);
  if (sectionless) return new Uint8Array(Buffer.concat([head.bytes, body]));

  const headers = writerOf(Buffer.alloc(sectionSize * (placed.length + 1)), shape);
  for (const [index, section] of placed.entries()) {
    const at = sectionSize * (index + 1);
    headers.u32(at, names.slice(0, index + 1).join('\0').length + 1);
    headers.u32(at + 4, 1);
    headers.word(at + (bits === 64 ? 24 : 16), section.offset);
    headers.word(at + (bits === 64 ? 32 : 20), section.content.length);
  }
  return new Uint8Array(Buffer.concat([head.bytes, body, headers.bytes]));
}

export function peOf(sections: readonly Section[], { bits = 64, address = 0x400000 }: Shape = {}): Uint8Array {
  const { placed, body } = laidOut(sections);
  const head = writerOf(Buffer.alloc(contentAt), {});
  head.bytes.write('MZ');
  head.u32(60, 128);
  head.bytes.write('PE\0\0', 128);
  const [optional, optionalSize] = [128 + 24, bits === 64 ? 240 : 224];
  head.u16(128 + 6, placed.length);
  head.u16(128 + 20, optionalSize);
  head.u16(optional, bits === 64 ? 0x20b : 0x10b);
  head.u32(optional + (bits === 64 ? 24 : 28), address);
  for (const [index, section] of placed.entries()) {
    const at = optional + optionalSize + index * 40;
    head.bytes.write(section.name, at, 8, 'latin1');
    head.u32(at + 12, section.offset);
    head.u32(at + 16, section.content.length);
    head.u32(at + 20, section.offset);
  }
  return new Uint8Array(Buffer.concat([head.bytes, body]));
}

export function machOOf(sections: readonly Section[], shape: Shape = {}): Uint8Array {
  const { bits = 64, address = 0x100000 } = shape;
  const { placed, body } = laidOut(sections);
  const head = writerOf(Buffer.alloc(contentAt), shape);
  const [headerSize, segmentSize, sectionSize] = bits === 64 ? [32, 72, 80] : [28, 56, 68];
  head.u32(0, bits === 64 ? 0xfeedfacf : 0xfeedface);
  head.u32(16, 1);
  head.u32(headerSize, bits === 64 ? 0x19 : 1);
  head.u32(headerSize + 4, segmentSize + placed.length * sectionSize);
  const fields = bits === 64 ? [24, 40, 48, 64] : [24, 32, 36, 48];
  head.word(headerSize + fields[0]!, address);
  head.word(headerSize + fields[1]!, 0);
  head.word(headerSize + fields[2]!, contentAt + body.length);
  head.u32(headerSize + fields[3]!, placed.length);
  for (const [index, section] of placed.entries()) {
    const at = headerSize + segmentSize + index * sectionSize;
    head.bytes.write(section.name, at, 16, 'latin1');
    head.word(at + (bits === 64 ? 40 : 36), section.content.length);
    head.u32(at + (bits === 64 ? 48 : 40), section.offset);
  }
  return new Uint8Array(Buffer.concat([head.bytes, body]));
}

/** Programs for several processors in one file. */
export function universalOf(programs: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(contentAt);
  head.writeUInt32BE(0xcafebabe, 0);
  head.writeUInt32BE(programs.length, 4);
  let offset = contentAt;
  for (const [index, program] of programs.entries()) {
    head.writeUInt32BE(offset, 8 + index * 20 + 8);
    head.writeUInt32BE(program.length, 8 + index * 20 + 12);
    offset += program.length;
  }
  return new Uint8Array(Buffer.concat([head, ...programs]));
}

const modulesBegin = Buffer.from('3077af0c9274080241e1c107e6d618e6', 'hex');
const modulesEnd = Buffer.from('f932433186182072008242104116d8f2', 'hex');

export function modulesText(lines: readonly string[]): Buffer {
  return Buffer.concat([modulesBegin, Buffer.from(lines.map((line) => `${line}\n`).join('')), modulesEnd]);
}

/** The record of Go 1.18 and later. */
export function inlineRecord(version: string, modules: Uint8Array): Uint8Array {
  const text = (bytes: Uint8Array) => Buffer.concat([uvarint(bytes.length), bytes]);
  return Buffer.concat([recordHead(8, 2), Buffer.alloc(16), text(Buffer.from(version)), text(modules)]);
}

function uvarint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

function recordHead(pointerSize: number, flags: number): Buffer {
  return Buffer.concat([Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.from([pointerSize, flags])]);
}

/** Before Go 1.18: the record as the first section, at `contentAt`, and what it points to behind it in the same section. */
export function pointerRecord(
  version: string,
  modules: Uint8Array,
  { bits = 64, bigEndian = false, address = 0x400000 }: Shape,
): Uint8Array {
  const size = bits / 8;
  const texts = Buffer.concat([Buffer.from(version), modules]);
  const [strings, text] = [64, 128];
  const at = (offset: number) => address + contentAt + offset;
  const writer = writerOf(Buffer.concat([recordHead(size, bigEndian ? 1 : 0), Buffer.alloc(text - 16), texts]), {
    bits,
    bigEndian,
  });
  writer.word(16, at(strings));
  writer.word(16 + size, at(strings + size * 2));
  writer.word(strings, at(text));
  writer.word(strings + size, Buffer.byteLength(version));
  writer.word(strings + size * 2, at(text + Buffer.byteLength(version)));
  writer.word(strings + size * 3, modules.length);
  return writer.bytes;
}
