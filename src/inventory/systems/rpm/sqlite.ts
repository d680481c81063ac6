/*
 * A table of a SQLite database ("Database File Format"), read out of the bytes of its file. SQLite itself would run what
 * somebody has written into the schema, a view for a table, and follow pages that lead to one another for hours: here each page is
 * looked at once, and no more comes out than went in.
 */

const magic = 'SQLite format 3\0';
const leaf = 0x0d;
const interior = 0x05;

type Value = Uint8Array | number | null;

/** The rows of a table, as the values of their columns; a whole number beyond 2^53 is inexact. Throws where it is none. */
export function* rowsOfSqlite(bytes: Uint8Array, table: string): Generator<Value[], void, undefined> {
  const file = openFile(bytes);
  const schema = [...rowsBelow(file, 1)];
  const text = (value: Value | undefined) => (value instanceof Uint8Array ? Buffer.from(value).toString() : undefined);
  const row = schema.find(([type, name]) => text(type) === 'table' && text(name) === table);
  const root = row?.[3];
  if (typeof root !== 'number' || root < 1) throw new Error(`the database has no table ${table}`);
  yield* rowsBelow(file, root);
}

interface SqliteFile {
  bytes: Uint8Array;
  view: DataView;
  pageSize: number;
  /** Bytes of a page that are not reserved. */
  usable: number;
  /** Pages of trees that were looked at. */
  seen: Set<number>;
  /** Bytes of rows that may yet come out. */
  budget: number;
}

function openFile(bytes: Uint8Array): SqliteFile {
  if (bytes.length < 512 || Buffer.from(bytes.subarray(0, 16)).toString('latin1') !== magic) {
    throw new Error('is no database of SQLite');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const said = view.getUint16(16);
  const pageSize = said === 1 ? 65_536 : said;
  const usable = pageSize - bytes[20]!;
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0 || usable < 480) throw new Error('its pages have no size');
  return { bytes, view, pageSize, usable, seen: new Set(), budget: bytes.length };
}

/** Deepest tree: SQLite's own limit. */
const maxDepth = 20;

function* rowsBelow(file: SqliteFile, page: number, depth = 0): Generator<Value[], void, undefined> {
  const { view, pageSize, bytes, seen } = file;
  const start = (page - 1) * pageSize;
  if (page < 1 || start + pageSize > bytes.length) throw new Error('a page is beyond the end');
  if (seen.has(page) || depth > maxDepth) throw new Error('its pages lead in a circle');
  seen.add(page);
  const header = start + (page === 1 ? 100 : 0);
  const type = bytes[header];
  if (type !== leaf && type !== interior) throw new Error('a page is of no table');
  const cells = view.getUint16(header + 3);
  const pointers = header + (type === leaf ? 8 : 12);
  if (pointers + cells * 2 > start + pageSize) throw new Error('a page has more cells than it can');
  for (let i = 0; i < cells; i++) {
    const cell = start + view.getUint16(pointers + i * 2);
    if (cell + 4 > start + pageSize) throw new Error('a cell is beyond its page');
    if (type === leaf) yield recordOf(payloadAt(file, cell, start + file.usable));
    else yield* rowsBelow(file, view.getUint32(cell), depth + 1);
  }
  if (type === interior) yield* rowsBelow(file, view.getUint32(header + 8), depth + 1);
}

/** The payload of a leaf's cell, with what is in overflow pages. */
function payloadAt(file: SqliteFile, cell: number, pageEnd: number): Uint8Array {
  const { bytes, view, usable, pageSize } = file;
  const [length, afterLength] = varint(bytes, cell);
  const [, from] = varint(bytes, afterLength);
  file.budget -= length;
  if (file.budget < 0) throw new Error('its rows are longer than the file');
  const local = localLength(length, usable);
  if (from + local + (local < length ? 4 : 0) > pageEnd) throw new Error('a row is beyond its page');
  if (local === length) return bytes.subarray(from, from + length);
  const payload = new Uint8Array(length);
  payload.set(bytes.subarray(from, from + local));
  let filled = local;
  // Each page adds something, so that the length bounds the chain.
  for (let page = view.getUint32(from + local); filled < length;) {
    const start = (page - 1) * pageSize;
    if (page < 1 || start + pageSize > bytes.length) throw new Error('a row ends before its length');
    const count = Math.min(length - filled, usable - 4);
    payload.set(bytes.subarray(start + 4, start + 4 + count), filled);
    filled += count;
    page = view.getUint32(start);
  }
  return payload;
}

/** How much of a payload is in the page of its cell ("B-tree Pages", X, M and K). */
function localLength(length: number, usable: number): number {
  const most = usable - 35;
  if (length <= most) return length;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const rest = least + ((length - least) % (usable - 4));
  return rest <= most ? rest : least;
}

function recordOf(payload: Uint8Array): Value[] {
  const [headerLength, first] = varint(payload, 0);
  if (headerLength > payload.length) throw new Error('a row has no header');
  const values: Value[] = [];
  let at = headerLength;
  for (let from = first; from < headerLength;) {
    const [type, next] = varint(payload, from);
    from = next;
    const length = lengthOf(type);
    if (at + length > payload.length) throw new Error('a row ends before its values');
    values.push(type >= 12 ? payload.subarray(at, at + length) : numberOf(type, payload.subarray(at, at + length)));
    at += length;
  }
  return values;
}

function lengthOf(type: number): number {
  if (type >= 12) return Math.floor((type - 12) / 2);
  return [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0][type]!;
}

/** Null, a whole number, or 0 and 1, which take no bytes. Fractions are of no use here. */
function numberOf(type: number, bytes: Uint8Array): number | null {
  if (type === 8 || type === 9) return type - 8;
  if (type < 1 || type > 6) return null;
  let value = bytes[0]! > 0x7f ? -1 : 0;
  for (const byte of bytes) value = value * 256 + byte;
  return value;
}

/** Seven bits a byte, the highest first, and eight of a ninth. */
function varint(bytes: Uint8Array, from: number): [value: number, next: number] {
  let value = 0;
  for (let i = 0; i < 9; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) throw new Error('a number is beyond the end');
    if (i === 8) return [value * 256 + byte, from + 9];
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, from + i + 1];
  }
  return [value, from + 9];
}
