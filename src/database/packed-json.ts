/** JSON as it lies in a column of bytes, by zstd. `level` is zstd's: higher ones are slower and pack better. */
export function packJson(value: unknown, level = 1): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Bun.zstdCompressSync(JSON.stringify(value), { level }));
}

/** What `packJson` has written. Throws where it is anything else. */
export function unpackJson<T>(bytes: Uint8Array): T {
  return JSON.parse(Bun.zstdDecompressSync(bytes).toString()) as T;
}
