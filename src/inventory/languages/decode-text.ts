/** A file as text: UTF-8, or UTF-16 where its byte order mark says so. What is neither becomes U+FFFD, never an exception. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  return new TextDecoder().decode(bytes);
}

/** The lines of a text, without their ends; no line is longer than `longest` (the rest of a longer one is dropped). */
export function* linesOf(text: string, longest = 16_384): Generator<string> {
  let from = 0;
  while (from < text.length) {
    const found = text.indexOf('\n', from);
    const end = found < 0 ? text.length : found;
    const stop = end > from && text.charCodeAt(end - 1) === 13 ? end - 1 : end;
    yield text.slice(from, Math.min(stop, from + longest));
    from = end + 1;
  }
}
