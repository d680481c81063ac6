import { selector } from './select.ts';
import { shown } from './shown.ts';

/** Headings with the JMESPath of what stands below, in their order. */
export type Columns = Readonly<Record<string, string>>;

type Row = Record<string, unknown>;

/** What the columns find in each of the things. */
export function rowsOf(value: unknown, columns: Columns): unknown[][] {
  const selectors = Object.values(columns).map(selector);
  return listOf(value).map((item) => selectors.map((find) => find(item)));
}

/**
 * A table with headings and as many blanks between columns as it takes. Without columns they are what the things have
 * that is no list and no object, as `az` does it. Nothing is cut; an empty list is an empty text.
 */
export function tableOf(value: unknown, columns?: Columns): string {
  const things = listOf(value);
  if (things.length === 0) return '';
  if (columns) return layOut(Object.keys(columns), rowsOf(value, columns));
  if (things.every(isRow)) {
    const all = [...new Set(things.flatMap((row) => Object.keys(row)))];
    const names = all.filter((name) => !things.some((row) => isNested(row[name])));
    return layOut(
      names.map(heading),
      things.map((row) => names.map((name) => row[name])),
    );
  }
  const rows = things.map((thing) => (Array.isArray(thing) ? thing : [thing]));
  const width = Math.max(...rows.map((row) => row.length));
  const names = width === 1 ? ['Result'] : Array.from({ length: width }, (_, index) => `Column${index + 1}`);
  return layOut(
    names,
    rows.map((row) => names.map((_, index) => row[index])),
  );
}

/** What stands in a cell: one line. */
export function cellOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return shown(value);
  if (Array.isArray(value) && !value.some(isNested)) return value.map(cellOf).join(', ');
  return shown(JSON.stringify(value));
}

/** Columns are as wide as their widest cell, in the cells of a terminal: some characters take two. */
function layOut(headings: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = rows.map((row) => row.map(cellOf));
  const titles = headings.map(shown);
  const widths = titles.map((title, at) =>
    cells.reduce((widest, row) => Math.max(widest, widthOf(row[at]!)), widthOf(title)),
  );
  const rule = widths.map((width) => '-'.repeat(width));
  return [titles, rule, ...cells]
    .map((row) =>
      row
        .map((cell, at) => pad(cell, widths[at]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const pad = (text: string, width: number) => text + ' '.repeat(width - widthOf(text));
const widthOf = (text: string) => Bun.stringWidth(text);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : value === null ? [] : [value]);
const isNested = (value: unknown) => typeof value === 'object' && value !== null;
const isRow = (value: unknown): value is Row => isNested(value) && !Array.isArray(value);
const heading = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);
