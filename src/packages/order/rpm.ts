import { digitsEnd, isDigit, isLetter, isNumber, numberKey } from './sort-key.ts';

/** Ranks: what a tilde begins is before the end, what a caret begins after it; letters are before digits. */
const ranks = { tilde: '\u0001', end: '\u0002', caret: '\u0003', letters: '\u0004', digits: '\u0005' };

/** RPM's order (rpm-version(7)): epoch, version, release; a version without a release is before each that has one. */
export function rpmKey(version: string): string {
  const colon = version.indexOf(':');
  const hasEpoch = colon > 0 && isNumber(version.slice(0, colon));
  const rest = hasEpoch ? version.slice(colon + 1) : version;
  const dash = rest.indexOf('-');
  const release = dash < 0 ? '\u0001' : `\u0002${segmentsKey(rest.slice(dash + 1))}`;
  return numberKey(version, 0, hasEpoch ? colon : 0) + segmentsKey(dash < 0 ? rest : rest.slice(0, dash)) + release;
}

/** rpmvercmp: runs of letters and of digits; what is neither divides them and says nothing itself. */
function segmentsKey(text: string): string {
  let key = '';
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const from = at;
    if (isDigit(code)) {
      at = digitsEnd(text, at);
      key += ranks.digits + numberKey(text, from, at);
    } else if (isLetter(code)) {
      while (at < text.length && isLetter(text.charCodeAt(at))) at++;
      key += `${ranks.letters}${text.slice(from, at)}\u0000`;
    } else {
      if (code === 126) key += ranks.tilde;
      else if (code === 94) key += ranks.caret;
      at++;
    }
  }
  return key + ranks.end;
}
