import { digitsEnd, isDigit, isNumber, numberKey, numbersKey } from './sort-key.ts';

/** A version in the manner of semver, with as many numbers as it has. */
interface Parts {
  numbers: string[];
  /** What follows the numbers, without its hyphen. Empty for a release. */
  preRelease: string;
  /** What follows the plus sign. */
  build: string;
}

/** Takes also what strict readers refuse: `v`, too few numbers, too many, a pre-release without a hyphen. */
function read(version: string): Parts {
  const plus = version.indexOf('+');
  const text = plus < 0 ? version : version.slice(0, plus);
  const numbers: string[] = [];
  let at = /^[\s=]*[vV]?/.exec(text)![0].length;
  while (at < text.length) {
    const from = at;
    at = digitsEnd(text, at);
    if (at > from) numbers.push(text.slice(from, at));
    if (text[at] !== '.') break;
    at++;
  }
  if (text[at] === '-') at++;
  return { numbers, preRelease: text.slice(at), build: plus < 0 ? '' : version.slice(plus + 1) };
}

/** The order of Semantic Versioning 2.0.0, §11. The build says nothing. */
export function semverKey(version: string): string {
  const { numbers, preRelease } = read(version);
  return numbersKey(numbers) + preReleaseKey(preRelease);
}

/**
 * Go's modules (`v1.2.3+incompatible`, pseudo-versions) are semver; those of its toolchain are brought into its form:
 * `go1.22rc1` is 1.22.0-rc.1, and what is said behind a space are experiments of the build.
 */
export function goKey(version: string): string {
  const plain = version.replace(/^go(?=[0-9])/, '').replace(/\s.*$/s, '');
  return semverKey(plain.replace(/^([0-9]+(?:\.[0-9]+){0,2})(rc|beta)([0-9]+)$/, '$1-$2.$3'));
}

/** NuGet's order: four numbers, pre-releases without cases. */
export function nugetKey(version: string): string {
  return semverKey(version.toLowerCase());
}

/** Pub's order: as semver's, but builds count, too. */
export function pubKey(version: string): string {
  return semverKey(version) + identifiersKey(read(version).build);
}

/** CRAN and Hackage: numbers alone, and of two that are equal the longer one is later. */
export function numericKey(version: string): string {
  let key = '';
  for (const number of version.split(/[.-]/)) {
    key += isDigit(number.charCodeAt(0))
      ? `\u0002${numberKey(number, 0, digitsEnd(number, 0))}`
      : `\u0001${number}\u0000`;
  }
  return `${key}\u0000`;
}

function preReleaseKey(preRelease: string): string {
  return preRelease === '' ? '\u0002' : `\u0001${identifiersKey(preRelease)}`;
}

/** Numbers before words; of equals the longer one is later. */
function identifiersKey(text: string): string {
  let key = '';
  if (text !== '') {
    for (const word of text.split('.')) key += isNumber(word) ? `\u0001${numberKey(word)}` : `\u0002${word}\u0000`;
  }
  return `${key}\u0000`;
}
