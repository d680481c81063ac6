import { UsageError } from '../failure.ts';

/** Reads `name=value` words. Throws UsageError for a word without a name. */
export function pairs(flag: string, words: readonly string[] | undefined): Record<string, string> | undefined {
  if (words === undefined) return undefined;
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw new UsageError(`${flag}: ${JSON.stringify(word)} is no NAME=VALUE`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** A merge patch that leaves of a record what is wanted: the rest is taken away (RFC 7396). */
export function replacing(
  before: Readonly<Record<string, string>> | undefined,
  wanted: Record<string, string> | undefined,
): Record<string, string | null> | undefined {
  if (wanted === undefined) return undefined;
  return { ...Object.fromEntries(Object.keys(before ?? {}).map((name) => [name, null])), ...wanted };
}
