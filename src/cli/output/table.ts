import { selector } from './select.ts';
import { shown } from './shown.ts';
import { sizeText } from './size-text.ts';

/** The JMESPath of what stands in a column; with `text`, how tables say what it has found. TSV has it as it is. */
export type Column = string | { readonly path: string; text(found: unknown, thing: unknown): unknown };

/** Headings with what stands below, in their order. */
export type Columns = Readonly<Record<string, Column>>;

/** A column of bytes, of which -1 is no limit. */
export const bytesColumn = (path: string): Column => ({ path, text: bytesText });

export const bytesText = (found: unknown): unknown =>
  typeof found !== 'number' ? found : found < 0 ? 'none' : sizeText(found);

type Row = Record<string, unknown>;

/** What the columns find in each of the things. */
export function rowsOf(value: unknown, columns: Columns): unknown[][] {
  const selectors = Object.values(columns).map((column) => selector(pathOf(column)));
  return listOf(value).map((item) => selectors.map((find) => find(item)));
}

const pathOf = (column: Column) => (typeof column === 'string' ? column : column.path);

function textsOf(things: readonly unknown[], columns: Columns): unknown[][] {
  const all = Object.values(columns);
  return rowsOf(things, columns).map((row, at) =>
    row.map((found, index) => {
      const column = all[index]!;
      return typeof column === 'string' ? found : column.text(found, things[at]);
    }),
  );
}

/**
 * A table with headings and as many blanks between columns as it takes. Without columns they are what the things have
 * that is no list and no object, as `az` does it. Of texts there is one column, whatever others would have. Nothing is cut but
 * the milliseconds of times; an empty list is an empty text.
 */
export function tableOf(value: unknown, columns?: Columns): string {
  const things = listOf(value);
  if (things.length === 0) return '';
  if (columns && things.every(isRow)) return layOut(Object.keys(columns), textsOf(things, columns));
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
  const cells = rows.map((row) => row.map((value) => cellOf(toTheSecond(value))));
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

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?=\.\d{3}Z$)/;
const toTheSecond = (value: unknown) => {
  const [whole] = (typeof value === 'string' && time.exec(value)) || [];
  return whole === undefined ? value : `${whole}Z`;
};
const pad = (text: string, width: number) => text + ' '.repeat(width - widthOf(text));
const widthOf = (text: string) => Bun.stringWidth(text);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : value === null ? [] : [value]);
const isNested = (value: unknown) => typeof value === 'object' && value !== null;
const isRow = (value: unknown): value is Row => isNested(value) && !Array.isArray(value);
const heading = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);
