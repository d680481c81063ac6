/*
 * What other people named may hold what a terminal obeys: colours, movements of the cursor, a turn of the direction of
 * writing. It is shown, and does nothing.
 */

/** Controls (Cc), formats such as turns of direction (Cf), separators of lines, halves of characters. */
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A text on one line, whatever is in it: `\n`, `\u001b`. */
export function shown(text: string): string {
  return text.replaceAll(unsafe, (character) => short[character] ?? escaped(character));
}

/** The same within the quotes of JSON, or of YAML's double ones: what it is read as stays what it was. */
export function shownQuoted(text: string): string {
  return text.replaceAll(unsafe, (character) => (character === '\n' ? character : escaped(character)));
}

/** Whether a text has something that must not reach a terminal as it is; that it has several lines is not. */
export function isUnsafe(text: string): boolean {
  return text.replaceAll('\n', '').search(unsafe) >= 0;
}

/** As JSON writes it: beyond the first 65,536 characters in two halves. */
function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
