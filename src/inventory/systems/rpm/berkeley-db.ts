/*
 * A hash database of Berkeley DB, as rpm had it until 2020 (Berkeley DB, dbinc/db_page.h), in the byte order of whoever wrote it.
 * Page 0 is the metadata:
 *
 *   12 magic u32 | 16 version u32 | 20 page size u32 | 25 type u8 | 32 last page u32
 *
 * Every page begins with 26 bytes:
 *
 *   8 page u32 | 12 previous u32 | 16 next u32 | 20 entries u16 | 22 bytes used u16 | 24 level u8 | 25 type u8
 *
 * Pages of the hash have entries × offset u16, by turns of a key and of its value. An item begins with its type: 1 is bytes, 3 is
 * elsewhere (3 bytes of padding, page u32, length u32): a chain of overflow pages.
 */

const hashMagic = 0x00061561;
const pageTypes = { unsortedHash: 2, overflow: 7, hash: 13 };
const itemTypes = { bytes: 1, elsewhere: 3 };
const headerBytes = 26;

/** The headers in it. Throws where it is none. */
export function* headersOfBerkeleyDb(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  const file = openFile(bytes);
  const { view, pageSize, little } = file;
  for (let start = pageSize; start + pageSize <= bytes.length; start += pageSize) {
    const type = bytes[start + 25]!;
    if (type !== pageTypes.hash && type !== pageTypes.unsortedHash) continue;
    const entries = view.getUint16(start + 20, little);
    if (headerBytes + entries * 2 > pageSize) throw new Error('a page has more entries than it can');
    for (let i = 1; i < entries; i += 2) {
      const key = itemAt(file, start, i - 1);
      const value = itemAt(file, start, i);
      // The record 0 says which number comes next.
      if (value && !(key && key.every((byte) => byte === 0))) yield value;
    }
  }
}

interface HashFile {
  bytes: Uint8Array;
  view: DataView;
  pageSize: number;
  little: boolean;
  /** Bytes that may yet come out: no value is in it twice. */
  budget: number;
}

function openFile(bytes: Uint8Array): HashFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes.length >= 512 && view.getUint32(12, true) === hashMagic;
  if (!little && (bytes.length < 512 || view.getUint32(12, false) !== hashMagic)) {
    throw new Error('is no hash of Berkeley DB');
  }
  const pageSize = view.getUint32(20, little);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0)
    throw new Error('its pages have no size');
  return { bytes, view, pageSize, little, budget: bytes.length };
}

function itemAt(file: HashFile, start: number, index: number): Uint8Array | undefined {
  const { bytes, view, pageSize, little } = file;
  const offset = view.getUint16(start + headerBytes + index * 2, little);
  // Items lie from the end of the page towards its beginning.
  const end = index === 0 ? pageSize : view.getUint16(start + headerBytes + (index - 1) * 2, little);
  if (offset < headerBytes || offset >= end || end > pageSize) throw new Error('an item is beyond its page');
  const type = bytes[start + offset];
  if (type === itemTypes.bytes) return spend(file, bytes.subarray(start + offset + 1, start + end));
  if (type !== itemTypes.elsewhere || offset + 12 > end) return undefined;
  return chained(file, view.getUint32(start + offset + 4, little), view.getUint32(start + offset + 8, little));
}

/** The bytes of a chain of overflow pages, each of which adds some. */
function chained(file: HashFile, first: number, length: number): Uint8Array {
  const { bytes, view, pageSize, little } = file;
  spend(file, { length });
  const whole = new Uint8Array(length);
  let filled = 0;
  for (let page = first; filled < length;) {
    const start = page * pageSize;
    if (page === 0 || start + pageSize > bytes.length || bytes[start + 25] !== pageTypes.overflow) {
      throw new Error('a value ends before its length');
    }
    const count = Math.min(view.getUint16(start + 22, little), pageSize - headerBytes, length - filled);
    if (count === 0) throw new Error('a page of a value is empty');
    whole.set(bytes.subarray(start + headerBytes, start + headerBytes + count), filled);
    filled += count;
    page = view.getUint32(start + 16, little);
  }
  return whole;
}

function spend<Item extends { length: number }>(file: HashFile, item: Item): Item {
  file.budget -= item.length;
  if (file.budget < 0) throw new Error('its values are longer than the file');
  return item;
}
