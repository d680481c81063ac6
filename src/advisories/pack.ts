/** JSON as it is stored: advisories are text that says the same over and over. */
export function pack(value: unknown): Uint8Array {
  return Bun.zstdCompressSync(Buffer.from(JSON.stringify(value)));
}

export function unpack<T>(bytes: Uint8Array): T {
  return JSON.parse(Bun.zstdDecompressSync(bytes).toString()) as T;
}
