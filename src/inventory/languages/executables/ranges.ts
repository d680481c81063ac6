/** Part of a file, and where a loader would put it. */
export interface Range {
  address: number;
  offset: number;
  /** Bytes of it that are in the file. */
  size: number;
}

/** The bytes of a part, as far as the file has them; undefined where it begins beyond its end. */
export function bytesOf(bytes: Uint8Array, offset: number, size: number): Uint8Array | undefined {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(size)) return undefined;
  if (offset < 0 || size < 0 || offset > bytes.length) return undefined;
  return bytes.subarray(offset, Math.min(offset + size, bytes.length));
}

/** What lies at an address: wholly inside one part and inside the file, or undefined. */
export function atAddress(bytes: Uint8Array, ranges: readonly Range[], address: number, length: number) {
  if (!Number.isSafeInteger(address) || !Number.isSafeInteger(length) || length < 0) return undefined;
  const range = ranges.find((one) => address >= one.address && address + length <= one.address + one.size);
  if (!range) return undefined;
  const found = bytesOf(bytes, range.offset + (address - range.address), length);
  return found?.length === length ? found : undefined;
}

/** A 64-bit number; beyond what a number is exact for it becomes Infinity, which is inside of nothing. */
export function number64(view: DataView, at: number, littleEndian: boolean): number {
  const value = view.getBigUint64(at, littleEndian);
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Infinity : Number(value);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A name that ends with a zero byte, or after `length` bytes. */
export function nameAt(bytes: Uint8Array, offset: number, length: number): string {
  let end = offset;
  while (end < bytes.length && end < offset + length && bytes[end] !== 0) end++;
  return String.fromCharCode(...bytes.subarray(offset, end));
}
