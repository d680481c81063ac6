/** Deepest nesting that a manifest may have; real ones have six levels. */
export const maxJsonDepth = 64;
/**
 * Most keys that a manifest may have, ten for each of the most references. What reads it pays for each different key:
 * 4 MiB of nothing else stop the server for a second.
 */
export const maxJsonKeys = 100_000;

export interface JsonShape {
  /** Deepest nesting; not looked for beyond one more than `maxJsonDepth`. */
  depth: number;
  /** Keys of all objects; not counted beyond one more than `maxJsonKeys`. */
  keys: number;
  /** The first key that an object has twice: of two readers, each may believe another value. */
  repeatedKey: string | undefined;
}

const quote = 34;
const backslash = 92;

/**
 * The shape of a JSON text, found in one pass without building it, so that a hostile document is refused before it is
 * in memory. Malformed text gives some shape, and JSON.parse refuses it later.
 */
export function jsonShape(text: string): JsonShape {
  /** Keys of each open object; undefined for an open array. */
  const open: (Set<string> | undefined)[] = [];
  let deepest = 0;
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      const end = stringEnd(text, at);
      const keys = open.at(-1);
      if (keys && isKey(text, end + 1)) {
        const key = keyOf(text.slice(at, end + 1));
        if (keys.has(key)) return { depth: deepest, keys: count, repeatedKey: key };
        keys.add(key);
        if (++count > maxJsonKeys) break;
      }
      at = end;
    } else if (code === 91 || code === 123) {
      open.push(code === 123 ? new Set() : undefined);
      if (open.length > deepest) deepest = open.length;
      if (deepest > maxJsonDepth) break;
    } else if (code === 93 || code === 125) open.pop();
  }
  return { depth: deepest, keys: count, repeatedKey: undefined };
}

/** Where a string that begins at `at` has its closing quote. */
function stringEnd(text: string, at: number): number {
  for (at++; at < text.length && text.charCodeAt(at) !== quote; at++) if (text.charCodeAt(at) === backslash) at++;
  return at;
}

/** Whether a colon follows: only then was the string a key. */
function isKey(text: string, at: number): boolean {
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 9 && code !== 10 && code !== 13) return code === 58;
  }
  return false;
}

/** A key as it is meant: `"\u006cayers"` is `layers`. */
function keyOf(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal;
  }
}
