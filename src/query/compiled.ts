import { QueryError } from './query-error.ts';
import { boolOf, dateOf, numberOf, textOf, type Type, type Value } from './values.ts';

/** A row that a query is asked of: of the table, or one that a collector has made. */
export interface Row {
  /** Where it is in the table. */
  place?: Place;
  /** By the numbers of the columns; undefined: not read yet. */
  values: (Value | undefined)[];
  /** What columns that the query makes were found to be: each is computed once for a row, however often it is named. */
  made: (Value | undefined)[];
}

/** Names of a row, from the largest thing that it is in to itself; then what its table goes on by. */
export type Place = readonly (string | number)[];

/** An expression that can be asked of a row. */
export interface Compiled {
  /** Its offset in the text, for whoever says what is wrong with it. */
  at: number;
  type: Type;
  /** Numbers of the columns that have to be there. */
  reads: ReadonlySet<number>;
  /** Where it is a column as it is. */
  column?: number;
  /** Where it is the same for all rows. */
  constant?: Value;
  /** What has to hold of columns for it to be true: whoever reads the table need not look at other rows. */
  bounds?: readonly Bound[];
  evaluate(row: Row): Value;
}

/** A column as it is, against values that are the same for all rows. */
export interface Bound {
  column: number;
  how: '==' | '<' | '<=' | '>' | '>=';
  /** Of `==` any of them. */
  values: readonly Value[];
}

const nothing: ReadonlySet<number> = new Set();
const noRow: Row = { values: [], made: [] };

export function constant(at: number, type: Type, value: Value): Compiled {
  return { at, type, reads: nothing, constant: value, evaluate: () => value };
}

/** What is computed of other expressions; at once, where they are the same for all rows. */
export function computed(at: number, type: Type, of: readonly Compiled[], evaluate: (row: Row) => Value): Compiled {
  if (of.every((one) => one.constant !== undefined)) return constant(at, type, evaluate(noRow));
  return { at, type, reads: new Set(of.flatMap(({ reads }) => [...reads])), evaluate };
}

/** As people say it. */
export const nameOfType: Record<Type, string> = {
  string: 'a string',
  number: 'a number',
  bool: 'a truth value',
  datetime: 'a datetime',
  timespan: 'a timespan',
  dynamic: 'a dynamic value',
};

const instead: Partial<Record<Type, string>> = {
  string: 'tostring(…)',
  number: 'tolong(…)',
  datetime: 'todatetime(…), or datetime(2026-01-31)',
};

const readings: Partial<Record<Type, (value: Value) => Value>> = {
  string: textOf,
  number: numberOf,
  datetime: dateOf,
  bool: boolOf,
};

/**
 * The expression as one of a type: as it is, where it has it; a dynamic value is taken for one, null where it is none.
 * Throws QueryError where it has another type.
 */
export function as(type: Type, of: Compiled): Compiled {
  if (of.type === type) return of;
  const read = readings[type];
  if (of.type === 'dynamic' && read) return computed(of.at, type, [of], (row) => read(of.evaluate(row)));
  const hint = instead[type] === undefined ? '' : `; write ${instead[type]}`;
  throw new QueryError(of.at, `${nameOfType[type]} is needed here, and this is ${nameOfType[of.type]}${hint}`);
}
