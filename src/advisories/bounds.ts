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

/** Texts go into terminals, tables and queries: one line, without control characters, of a length. */
export function line(value: unknown, most: number): string {
  if (typeof value !== 'string') return '';
  // eslint-disable-next-line no-control-regex
  return value
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .trim()
    .slice(0, most)
    .toWellFormed();
}
