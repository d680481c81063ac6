import { isNumber, numberKey } from './sort-key.ts';

/** Ranks. A zero counts by what comes after it: a word below it, a number above it, or nothing, as it is filled up with 0. */
const ranks = { word: '\u0001', zeroBelow: '\u0002', end: '\u0003', zeroAbove: '\u0004', number: '\u0005' };

/** RubyGems' order (Gem::Version): numbers, filled up with 0; a word is before every number, so it makes a pre-release. */
export function rubygemsKey(version: string): string {
  const segments = version.replaceAll('-', '.pre.').match(/[0-9]+|[a-z]+/gi) ?? [];
  const firstWord = segments.findIndex((segment) => !isNumber(segment));
  if (firstWord < 0) return paddedKey(segments);
  const numbers = segments.slice(0, firstWord);
  // 1.0.a is 1.a: the zeros before the first word say nothing.
  const kept = numbers.findLastIndex((number) => !isZero(number)) + 1;
  return paddedKey([...numbers.slice(0, kept), ...segments.slice(firstWord)]);
}

function isZero(segment: string): boolean {
  return /^0+$/.test(segment);
}

function paddedKey(segments: readonly string[]): string {
  const pieces: string[] = [ranks.end];
  let zero = '';
  for (const segment of segments.toReversed()) {
    if (isZero(segment)) {
      // At the end it is what would be filled up.
      if (zero !== '') pieces.push(zero);
      continue;
    }
    const number = isNumber(segment);
    pieces.push(number ? ranks.number + numberKey(segment) : `${ranks.word}${segment}\u0000`);
    zero = number ? ranks.zeroAbove : ranks.zeroBelow;
  }
  return pieces.toReversed().join('');
}
