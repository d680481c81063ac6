import { isNumber, numberKey } from './sort-key.ts';

/** Ranks of words (PHP's version_compare), the end among them. A word that is none of these is as `dev`. */
const ranks = {
  unknown: '\u0001',
  a: '\u0002',
  b: '\u0003',
  rc: '\u0004',
  end: '\u0005',
  number: '\u0006',
  p: '\u0007',
};

/** Composer's order: that of PHP's version_compare, after it has filled up versions to four numbers. */
export function packagistKey(version: string): string {
  const tokens =
    version
      .toLowerCase()
      .replace(/^v/, '')
      .match(/[0-9]+|[^0-9._+-]+/g) ?? [];
  const known = tokens.filter((token) => token !== 'stable');
  const firstWord = known.findIndex((token) => !isNumber(token));
  const numbers = firstWord < 0 ? known : known.slice(0, firstWord);
  while (numbers.length > 0 && numbers.length < 4) numbers.push('0');
  return [...numbers, ...(firstWord < 0 ? [] : known.slice(firstWord))].map(tokenKey).join('') + ranks.end;
}

function tokenKey(token: string): string {
  if (isNumber(token)) return ranks.number + numberKey(token);
  if (token.startsWith('rc')) return ranks.rc;
  const first = token[0]!;
  return first === 'a' || first === 'b' || first === 'p' ? ranks[first] : ranks.unknown;
}
