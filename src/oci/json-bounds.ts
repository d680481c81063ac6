/** Deepest nesting that a manifest may have; real ones have six levels. */
export const maxJsonDepth = 64;

/**
 * The deepest nesting of a JSON text, found without parsing it, so that a hostile document is refused before it is
 * built in memory. Counts brackets outside strings; malformed text gives some number, and JSON.parse refuses it later.
 */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) {
      // A string: skip to its closing quote, over escaped characters.
      for (at++; at < text.length && text.charCodeAt(at) !== 34; at++) if (text.charCodeAt(at) === 92) at++;
    } else if (code === 91 || code === 123) {
      if (++depth > deepest) deepest = depth;
    } else if (code === 93 || code === 125) depth--;
  }
  return deepest;
}
