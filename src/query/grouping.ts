import { mostKept, mostKeptCharacters } from './bounds.ts';
import type { Compiled, Row } from './compiled.ts';
import type { PlannedAggregate } from './plan.ts';
import { QueryError } from './query-error.ts';
import { compareValues, sizeOf, type Value } from './values.ts';

interface Tally {
  add(row: Row): void;
  /** null where nothing was found. */
  value(): Value;
}

/** Puts rows into groups, and keeps of each what the query asks. Throws QueryError once there are too many. */
export function createGroups(at: number, by: readonly Compiled[], aggregates: readonly PlannedAggregate[]) {
  const groups = new Map<string, { values: Value[]; tallies: Tally[] }>();
  let characters = 0;
  const charge = (more: number) => {
    characters += more;
    if (characters > mostKeptCharacters) throw tooMany(at);
  };
  const start = (values: Value[]) => ({ values, tallies: aggregates.map((one) => tallyOf(one, charge)) });
  // What is not put into groups is one, if only of no rows.
  if (by.length === 0) groups.set('[]', start([]));
  return {
    add(row: Row): void {
      const values = by.map((one) => one.evaluate(row));
      const key = JSON.stringify(values);
      let group = groups.get(key);
      if (!group) {
        if (groups.size === mostKept) throw tooMany(at);
        charge(key.length + values.reduce<number>((sum, value) => sum + sizeOf(value), 0));
        groups.set(key, (group = start(values)));
      }
      for (const tally of group.tallies) tally.add(row);
    },
    rows: (): Row[] =>
      [...groups.values()].map(({ values, tallies }) => ({
        values: [...values, ...tallies.map((one) => one.value())],
        made: [],
      })),
  };
}

/** Of rows that are kept to be worked on. */
export function tooMany(at: number): QueryError {
  return new QueryError(
    at,
    `this has to keep more than ${mostKept} rows, or more than fits into memory; ask of fewer with where, or keep less with take, summarize or shorter columns`,
  );
}

/** `charge` is told of characters that it keeps. */
function tallyOf({ how, of }: PlannedAggregate, charge: (more: number) => void): Tally {
  const read = (row: Row) => of?.evaluate(row) ?? null;
  let count = 0;
  let sum = 0;
  let found: Value = null;
  switch (how) {
    case 'count':
      return { add: () => void count++, value: () => count };
    case 'countif':
      return { add: (row) => void (read(row) === true && count++), value: () => count };
    case 'sum':
    case 'avg':
      return {
        add(row) {
          const value = read(row);
          if (typeof value !== 'number') return;
          sum += value;
          count++;
        },
        value: () => (how === 'sum' ? sum : count === 0 ? null : sum / count),
      };
    case 'min':
    case 'max':
      return {
        add(row) {
          const value = read(row);
          if (value === null) return;
          const sign = found === null ? 0 : compareValues(value, found);
          if (found !== null && (how === 'min' ? sign >= 0 : sign <= 0)) return;
          charge(sizeOf(value) - sizeOf(found));
          found = value;
        },
        value: () => found,
      };
  }
}
