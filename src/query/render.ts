import type { Scope } from './compile.ts';
import type { Row } from './compiled.ts';
import { textOfTime, textOfTimespan } from './times.ts';
import type { Type, Value } from './values.ts';

/** A row as it is answered. What has no value is left out. */
export type Rendered = Record<string, Value>;

export function renderRow(columns: Scope, row: Row): Rendered {
  const entries: [string, Value][] = [];
  for (const [name, column] of columns) {
    const value = renderValue(column.type, column.evaluate(row));
    if (value !== null && value !== '') entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}

function renderValue(type: Type, value: Value): Value {
  if (typeof value !== 'number') return value;
  if (type === 'datetime') return textOfTime(value) ?? null;
  return type === 'timespan' ? textOfTimespan(value) : value;
}
