import { mostColumns } from './bounds.ts';
import { compile, type Scope } from './compile.ts';
import { as, type Compiled, nameOfType } from './compiled.ts';
import { QueryError } from './query-error.ts';
import type { Aggregate, Expression, Named, Operator, OrderKey, Query } from './syntax.ts';
import type { Type } from './values.ts';

/** A column of the table. Its number is its place among them. */
export interface TableColumn {
  name: string;
  type: Type;
}

/** What is asked of each row, one after the other. */
export type Step = { kind: 'where'; condition: Compiled } | { kind: 'take'; count: number };

/** What has to see all rows before the first comes out. */
export type Collector =
  /** In an order; `limit`: the first of them. */
  | { kind: 'order'; at: number; keys: PlannedKey[]; limit: number | undefined }
  /** One row for each group: what it is by, then what was found of its rows. */
  | { kind: 'group'; at: number; by: Compiled[]; aggregates: PlannedAggregate[] };

export interface PlannedKey {
  value: Compiled;
  descending: boolean;
  nullsFirst: boolean;
}

export interface PlannedAggregate {
  how: Aggregate['how'];
  of: Compiled | undefined;
}

/** Rows as a collector has made them, or the table; what is asked of them; and what they have then. */
export interface Stage {
  /** Undefined of the first: rows of the table. */
  collector: Collector | undefined;
  steps: Step[];
  columns: Scope;
}

/** A query that can be run: the first stage reads the table. */
export interface Plan {
  stages: [Stage, ...Stage[]];
}

/** Makes a query into one that can be run. `now` (ms) is what it is for all of its pages. Throws QueryError. */
export function planQuery({ operators }: Query, columns: readonly TableColumn[], now: number): Plan {
  const planner = createPlanner(scopeOf(columns), now);
  for (const operator of operators) planner.add(operator);
  return { stages: planner.stages };
}

function scopeOf(columns: readonly TableColumn[]): Scope {
  return new Map(
    columns.map(({ name, type }, column): [string, Compiled] => [
      name,
      { at: 0, type, reads: new Set([column]), column, evaluate: (row) => row.values[column] ?? null },
    ]),
  );
}

function createPlanner(table: Scope, now: number) {
  const stages: [Stage, ...Stage[]] = [{ collector: undefined, steps: [], columns: table }];
  const stage = () => stages.at(-1)!;
  const compiled = (one: Expression) => compile(one, stage().columns, now);
  /** Columns that are made in a stage, each with a place in `Row.made`. */
  let made = 0;

  function remembered(one: Compiled): Compiled {
    if (one.constant !== undefined || one.column !== undefined) return one;
    const place = made++;
    return {
      ...one,
      evaluate(row) {
        let value = row.made[place];
        if (value === undefined) row.made[place] = value = one.evaluate(row);
        return value;
      },
    };
  }

  function extend(columns: readonly Named[], from: Scope): void {
    // All of one operator see what was there before it.
    const values = columns.map(({ name, value }): [string, Compiled] => [name, remembered(compiled(value))]);
    const scope = new Map([...from, ...values]);
    if (scope.size > mostColumns) throw new QueryError(columns[0]!.at, `there are ${mostColumns} columns at most`);
    stage().columns = scope;
  }

  function requireOnce(columns: readonly { name: string; at: number }[]): void {
    const seen = new Set<string>();
    for (const { name, at } of columns) {
      if (seen.has(name)) throw new QueryError(at, `the column ${name} is made twice; give one of them another name`);
      seen.add(name);
    }
  }

  /** An order that nothing is taken of does not matter to what comes behind it. */
  function forgetOrder(): void {
    const { collector, steps, columns } = stage();
    if (collector?.kind !== 'order' || collector.limit !== undefined || steps.some(({ kind }) => kind === 'take'))
      return;
    stages.pop();
    stage().steps.push(...steps);
    stage().columns = columns;
  }

  function order(at: number, keys: readonly OrderKey[], limit?: number): void {
    const planned = keys.map((key) => ({ ...key, value: compiled(key.value) }));
    forgetOrder();
    stages.push({ collector: { kind: 'order', at, keys: planned, limit }, steps: [], columns: stage().columns });
  }

  function group(at: number, by: readonly Named[], aggregates: readonly Aggregate[]): void {
    requireOnce([...by, ...aggregates]);
    const planned = by.map(({ value }) => compiled(value));
    const found = aggregates.map((one) => ({ how: one.how, of: one.of && measured(one.how, compiled(one.of)) }));
    forgetOrder();
    const types = [
      ...planned.map(({ type }, n) => ({ name: by[n]!.name, type })),
      ...found.map((one, n) => ({ name: aggregates[n]!.name, type: typeOf(one) })),
    ];
    made = 0;
    stages.push({
      collector: { kind: 'group', at, by: planned, aggregates: found },
      steps: [],
      columns: scopeOf(types),
    });
  }

  function take(at: number, count: number): void {
    const { collector, steps } = stage();
    // Of an order, so many are kept and no more.
    if (collector?.kind === 'order' && steps.length === 0)
      collector.limit = Math.min(count, collector.limit ?? Number.POSITIVE_INFINITY);
    else steps.push({ kind: 'take', count });
  }

  function add(one: Operator): void {
    switch (one.kind) {
      case 'where':
        for (const condition of conjunctsOf(one.condition))
          stage().steps.push({ kind: 'where', condition: as('bool', compiled(condition)) });
        return;
      case 'project':
        requireOnce(one.columns);
        return extend(one.columns, new Map());
      case 'extend':
        requireOnce(one.columns);
        return extend(one.columns, stage().columns);
      case 'project-away': {
        const left = new Map(stage().columns);
        for (const { name, at } of one.names) {
          compile({ kind: 'column', name, at }, stage().columns, now);
          left.delete(name);
        }
        if (left.size === 0) throw new QueryError(one.at, 'a row has to have a column; leave one of them');
        stage().columns = left;
        return;
      }
      case 'order':
        return order(one.at, one.keys);
      case 'top':
        return order(one.at, one.keys, one.count);
      case 'take':
        return take(one.at, one.count);
      case 'distinct':
        return group(one.at, one.columns, []);
      case 'count':
        return group(one.at, [], [{ at: one.at, name: 'Count', how: 'count', of: undefined }]);
      case 'summarize':
        return group(one.at, one.by, one.aggregates);
    }
  }

  return { stages, add };
}

/** `a and b` is two conditions: the cheaper one can be asked first. */
function conjunctsOf(one: Expression): Expression[] {
  const all: Expression[] = [];
  let left = one;
  for (; left.kind === 'binary' && left.operator === 'and'; left = left.left) all.push(left.right);
  return [left, ...all.toReversed()];
}

function measured(how: Aggregate['how'], of: Compiled): Compiled {
  if (how === 'countif') return as('bool', of);
  if (how === 'sum' || how === 'avg') return of.type === 'timespan' ? of : as('number', of);
  if (of.type === 'bool') throw new QueryError(of.at, `${how}() compares values, not ${nameOfType.bool}`);
  return of;
}

const typeOf = ({ how, of }: PlannedAggregate): Type =>
  how === 'count' || how === 'countif' || !of ? 'number' : of.type;

/** Columns of the table that a stage needs for what it gives out. */
export function readsOf(columns: Scope): ReadonlySet<number> {
  return new Set([...columns.values()].flatMap(({ reads }) => [...reads]));
}
