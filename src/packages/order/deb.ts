import { digitsEnd, isDigit, isLetter, isNumber, numberKey } from './sort-key.ts';

/** Ranks of what stands where no digits are: a tilde is before the end, letters after it, and after them all others. */
const tilde = '\u0001';
const end = '\u0002';

/** Debian's order (deb-version(7)): epoch, upstream version, revision; without a revision it is 0. */
export function debKey(version: string): string {
  const colon = version.indexOf(':');
  const hasEpoch = colon > 0 && isNumber(version.slice(0, colon));
  const rest = hasEpoch ? version.slice(colon + 1) : version;
  const dash = rest.lastIndexOf('-');
  const [upstream, revision] = dash < 0 ? [rest, ''] : [rest.slice(0, dash), rest.slice(dash + 1)];
  return numberKey(version, 0, hasEpoch ? colon : 0) + partKey(upstream) + partKey(revision);
}

/** What is no digit and then a number, by turns; nothing is the number 0. */
function partKey(part: string): string {
  let key = '';
  let at = 0;
  do {
    for (; at < part.length && !isDigit(part.charCodeAt(at)); at++) key += weight(part.charCodeAt(at));
    const from = at;
    at = digitsEnd(part, at);
    key += end + numberKey(part, from, at);
  } while (at < part.length);
  return key + end;
}

function weight(code: number): string {
  if (code === 126) return tilde;
  return String.fromCharCode(isLetter(code) ? code : code < 128 ? code + 128 : 255);
}
