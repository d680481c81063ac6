/** What is taken of one advisory. Real ones stay far below; what is beyond is refused, and counted. */
export const bounds = {
  /** Bytes of its JSON. */
  recordBytes: 8 * 1024 * 1024,
  /** Characters of ids, names and versions. */
  name: 512,
  aliases: 500,
  affected: 20_000,
  /** Versions and events of one entry of `affected`. */
  versions: 50_000,
  /** Of one package, in all entries of it. */
  ranges: 1000,
  references: 100,
  url: 2048,
  summary: 1024,
  details: 8192,
  /** Ratings of one kind. */
  severities: 20,
  /** Of what a database adds in a form of its own: levels, and keys or elements of each. */
  ownLevels: 4,
  ownKeys: 64,
  ownText: 512,
  /** Advisories of one feed. */
  records: 1_000_000,
} as const;

/** Control characters, and those that turn the direction of a text. */
const unseen = /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]+/gu;

/** Texts go into terminals, tables and queries: one line, without control characters, of a length. */
export function line(value: unknown, most: number): string {
  return typeof value === 'string' ? value.replaceAll(unseen, ' ').trim().slice(0, most).toWellFormed() : '';
}
