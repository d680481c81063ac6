import { shown } from '../../output/index.ts';

/**
 * RFC 4180, each cell within quotes. What a package calls itself is its maker's choice: a cell that a spreadsheet would take for a
 * formula has an apostrophe in front, and what a terminal obeys is spelt out.
 */
export function csvOf(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  return [headings, ...rows].map((row) => row.map(cellOf).join(',')).join('\r\n');
}

/** Also as wide characters, which some take for the same; blanks in front do not help. */
const formula = /^\s*[=+\-@|%＝＋－＠]/u;

type Cell = string | number | undefined;

function cellOf(value: Cell): string {
  const text = shown(value === undefined ? '' : String(value));
  // What was a tab or the end of a line in front is a backslash now.
  const safe = formula.test(text) && typeof value !== 'number' ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
