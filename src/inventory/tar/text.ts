const decoder = new TextDecoder();

/** Text of a header up to its first NUL. What is not UTF-8 becomes U+FFFD. */
export function tarText(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decodeText(end < 0 ? field : field.subarray(0, end));
}

export function decodeText(bytes: Uint8Array): string {
  // Most names are short and plain: this is several times as fast as the decoder for them.
  if (bytes.length > 100) return decoder.decode(bytes);
  const codes: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f) return decoder.decode(bytes);
    codes.push(byte);
  }
  return String.fromCharCode(...codes);
}
