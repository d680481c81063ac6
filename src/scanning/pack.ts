/** Largest value that is read back (bytes, unpacked): everything that is written here is smaller. */
const mostBytes = 256 * 1024 * 1024;

/** JSON as it lies in a row. */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Bun.zstdCompressSync(JSON.stringify(value), { level: 1 }));
}

export function unpack<T>(bytes: Uint8Array<ArrayBuffer>): T {
  const text = Bun.zstdDecompressSync(bytes);
  if (text.byteLength > mostBytes) throw new RangeError('a stored value is larger than any that is written');
  return JSON.parse(text.toString('utf8')) as T;
}
