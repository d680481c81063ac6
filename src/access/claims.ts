import { compileWildcard, hasWildcard, type Matcher } from './wildcard.ts';

/** Claims that a token must have, each with the pattern of its value. */
export type ClaimPatterns = Readonly<Record<string, string>>;

/** Longer values match nothing (UTF-16 units): matching takes the product of both lengths. */
const longestValue = 4_096;

export interface ClaimsMatcher {
  /** A claim that must be exactly this, by which the assignment is found; undefined where all are patterns. */
  exact: readonly [claim: string, value: string] | undefined;
  matches(claims: Readonly<Record<string, unknown>>): boolean;
}

/** No patterns at all match nobody: whoever means every token of an issuer writes so, `{ sub: '*' }`. */
export function compileClaims(patterns: ClaimPatterns): ClaimsMatcher {
  const entries = Object.entries(patterns);
  const wanted = entries.map(([claim, pattern]) => [claim, compileWildcard(pattern)] as const);
  return {
    exact: entries.find(([, pattern]) => !hasWildcard(pattern)),
    matches: (claims) =>
      wanted.length > 0 && wanted.every(([claim, matcher]) => someValue(claims, claim, within(matcher))),
  };
}

/** Whether a value of a claim fits: itself, or one of a list. Numbers and booleans are their text; objects are none. */
export function someValue(
  claims: Readonly<Record<string, unknown>>,
  claim: string,
  fits: (value: string) => boolean,
): boolean {
  // The claims come from a token: only what is its own counts.
  const value = Object.hasOwn(claims, claim) ? claims[claim] : undefined;
  return Array.isArray(value) ? value.some((one) => isFit(one, fits)) : isFit(value, fits);
}

function isFit(value: unknown, fits: (value: string) => boolean): boolean {
  if (typeof value === 'string') return fits(value);
  return (typeof value === 'number' || typeof value === 'boolean') && fits(String(value));
}

function within(matcher: Matcher): Matcher {
  return (value) => value.length <= longestValue && matcher(value);
}
