/**
 * A number of a header (POSIX ustar, and GNU's base-256 where it does not fit). Undefined for what is none, is negative or
 * above 2^53: as Go's archive/tar reads it, by which container engines unpack.
 */
export function tarNumber(field: Uint8Array): number | undefined {
  if ((field[0]! & 0x80) !== 0) return base256(field);
  let from = 0;
  let to = field.length;
  while (from < to && isPadding(field[from]!)) from++;
  while (to > from && isPadding(field[to - 1]!)) to--;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = field[i]! - 0x30;
    // What is behind a NUL does not count.
    if (field[i] === 0) break;
    if (digit < 0 || digit > 7) return undefined;
    value = value * 8 + digit;
  }
  return Number.isSafeInteger(value) ? value : undefined;
}

function base256(field: Uint8Array): number | undefined {
  // The second bit is the sign.
  if ((field[0]! & 0x40) !== 0) return undefined;
  let value = field[0]! & 0x3f;
  for (let i = 1; i < field.length; i++) {
    value = value * 256 + field[i]!;
    if (!Number.isSafeInteger(value)) return undefined;
  }
  return value;
}

function isPadding(byte: number): boolean {
  return byte === 0x20 || byte === 0;
}
