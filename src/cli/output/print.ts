import type { Context } from '../context.ts';
import { defaultOf } from '../defaults.ts';
import type { OutputFormat } from './flags.ts';
import { select } from './select.ts';
import { shownQuoted } from './shown.ts';
import { type Columns, rowsOf, tableOf } from './table.ts';
import { tsvOf } from './tsv.ts';
import { yamlOf } from './yaml.ts';

export type { Column, Columns } from './table.ts';

export interface PrintOptions {
  /** Default: a table on a terminal, else JSON. */
  output?: OutputFormat | undefined;
  /** JMESPath of what to print. */
  query?: string | undefined;
  /** Headings with the JMESPath of each, for tables and TSV without a query; default: what the value has. */
  columns?: Columns;
  /** What of the value a table and TSV have, without a query; default: all of it. */
  rows?(value: unknown): unknown;
  /** Writes the whole value for people, in place of a table; it has to see to what a terminal must not get. */
  report?(value: unknown): string;
}

/** The format that holds where a flag names one, or none: the default, else a table on a terminal, else JSON. */
export function formatOf(context: Context, output: OutputFormat | undefined): OutputFormat {
  const usual = output ?? (defaultOf(context, 'output')?.value as OutputFormat | undefined);
  return usual ?? (context.process.stdout.isTTY ? 'table' : 'json');
}

/**
 * Prints the outcome of a command. JSON and YAML have all of it; tables and TSV have the columns, or what the query has
 * left. Undefined prints nothing. Throws an Error where the query is no JMESPath.
 */
export function print(context: Context, value: unknown, { output, query, columns, rows, report }: PrintOptions): void {
  const format = formatOf(context, output);
  const selected = query === undefined ? value : select(value, query);
  if (format === 'none' || selected === undefined) return;
  const isRows = rows !== undefined && query === undefined && (format === 'table' || format === 'tsv');
  const isReport = report !== undefined && format === 'table' && query === undefined;
  const text = isReport
    ? report(selected)
    : render(format, isRows ? rows(selected) : selected, query === undefined ? columns : undefined);
  if (text === '') return;
  endWithReader(context);
  context.write(text);
}

/** Whoever reads may stop early, as `head` does: nothing is wrong then. */
function endWithReader({ process }: Context): void {
  // Tests have no stream.
  if (!('once' in process.stdout)) return;
  process.stdout.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(process.exitCode ?? 0);
  });
}

/** Names alone, which have nothing for columns. */
const isText = (value: unknown) =>
  Array.isArray(value) ? value.every((one) => typeof one === 'string') : typeof value === 'string';

function render(format: Exclude<OutputFormat, 'none'>, value: unknown, columns: Columns | undefined): string {
  switch (format) {
    case 'json':
      return shownQuoted(JSON.stringify(value, undefined, 2));
    case 'yaml':
      return yamlOf(value);
    case 'tsv':
      return tsvOf(columns && !isText(value) ? rowsOf(value, columns) : value);
    case 'table':
      return tableOf(value, columns);
  }
}
