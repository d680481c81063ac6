import { digitsEnd, isDigit, numberKey } from './sort-key.ts';

/** Suffixes in their order (apk-package(5)); those of the second list are after what has none. */
const suffixes = [
  ['alpha', 'beta', 'pre', 'rc'],
  ['cvs', 'svn', 'git', 'hg', 'p'],
] as const;
const suffixRanks = new Map<string, string>(
  suffixes.flatMap((names, after) =>
    names.map((name, at) => [name, String.fromCharCode(after * 16 + at + 1)] as const),
  ),
);
const noSuffix = '\u000a';
const suffix = /_(alpha|beta|pre|rc|cvs|svn|git|hg|p)([0-9]*)/y;

/**
 * Alpine's order (apk-package(5)): `1.2.3b_rc4~hash-r5`, that is numbers, a letter, suffixes, a hash without order, the
 * build. What follows and is none of these is before the same version without it.
 */
export function apkKey(version: string): string {
  let at = 0;
  let key = '';
  while (at < version.length && isDigit(version.charCodeAt(at))) {
    const from = at;
    at = digitsEnd(version, at);
    key += componentKey(version, from, at);
    if (version[at] === '.') at++;
  }
  const letter = version.charCodeAt(at) >= 97 && version.charCodeAt(at) <= 122 ? version[at++]! : '\u0001';
  key += `\u0000${letter}`;
  for (suffix.lastIndex = at; ; at = suffix.lastIndex) {
    const found = suffix.exec(version);
    if (!found) break;
    key += suffixRanks.get(found[1]!)! + numberKey(found[2]!);
  }
  at += /^~[0-9a-f]*/.exec(version.slice(at))?.[0].length ?? 0;
  const build = /^-r([0-9]*)/.exec(version.slice(at));
  key += noSuffix + numberKey(build?.[1] ?? '');
  return key + tailKey(version, at + (build?.[0].length ?? 0), build !== null);
}

/**
 * The first number counts as one; others do too unless they begin with 0, and are then as behind a decimal point: 1.06 is
 * before 1.1, 1.10 after it.
 */
function componentKey(text: string, from: number, to: number): string {
  if (from === 0) return `\u0001${numberKey(text, from, to)}`;
  return text[from] === '0' ? `\u0001${text.slice(from, to)}\u0000` : `\u0002${numberKey(text, from, to)}`;
}

/** A build that cannot be read has no order among others of its kind; of what else there is, the text decides. */
function tailKey(version: string, at: number, hasBuild: boolean): string {
  if (at === version.length) return '\u0002';
  return hasBuild || version[at] === '-' ? '\u0001' : `\u0001${version}`;
}
