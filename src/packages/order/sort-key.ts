/*
 * A version becomes a sort key: a string that compares with `<` as the version does. So every order is total, whatever
 * somebody has called a version, and what is compared often is parsed once.
 *
 *   key      pieces, one after another; none is the beginning of another that may stand at its place
 *   number   length, digits without leading zeros: 7 before 10, and no number is too large
 *   rank     one character that says what kind of piece follows, in the order of kinds
 */

/** What is looked at of a version, in characters. Real ones have up to 100; versions that differ further on are equal. */
export const maxVersionLength = 1024;

const zero = 48;

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
}

/** Where the digits that begin at `at` end; `at` where there are none. */
export function digitsEnd(text: string, at: number): number {
  while (at < text.length && isDigit(text.charCodeAt(at))) at++;
  return at;
}

/** Whether text is digits and nothing else. */
export function isNumber(text: string): boolean {
  return text !== '' && digitsEnd(text, 0) === text.length;
}

/** The digits of a text as a number; none are zero. */
export function numberKey(text: string, from = 0, to = text.length): string {
  while (from < to && text.charCodeAt(from) === zero) from++;
  const length = to - from;
  const written = length < 200 ? String.fromCharCode(length) : String.fromCharCode(200 + (length >> 8), length & 255);
  return written + text.slice(from, to);
}

/** Numbers without the zeros at their end, each behind `\x01`, then `\x00`: 1, 1.0 and 1.0.0 are one. */
export function numbersKey(numbers: readonly string[]): string {
  let length = numbers.length;
  while (length > 0 && /^0*$/.test(numbers[length - 1]!)) length--;
  let key = '';
  for (let at = 0; at < length; at++) key += `\u0001${numberKey(numbers[at]!)}`;
  return `${key}\u0000`;
}
