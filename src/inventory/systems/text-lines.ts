const decoder = new TextDecoder();

/** Longest line that is looked at (characters): a stanza's field is shorter, but for descriptions that nobody reads. */
const longest = 64 * 1024;

/** The lines of a text file, without copies of all of them at once. What is not UTF-8 becomes U+FFFD. */
export function* linesOf(bytes: Uint8Array): Generator<string, void, undefined> {
  for (let at = 0; at < bytes.length;) {
    const feed = bytes.indexOf(0x0a, at);
    const end = feed < 0 ? bytes.length : feed;
    const carriage = end > at && bytes[end - 1] === 0x0d ? 1 : 0;
    yield decoder.decode(bytes.subarray(at, Math.min(end - carriage, at + longest)));
    at = end + 1;
  }
}
