import { createAnswer, type Page } from './answer.ts';
import { mostKept } from './bounds.ts';
import type { Row } from './compiled.ts';
import { gather, slim } from './gather.ts';
import { createGroups, tooMany } from './grouping.ts';
import type { Collector, Plan, Stage } from './plan.ts';
import { compareSorted, createFirst, keysOf, readsOfKeys, type Sorted } from './sorting.ts';
import type { Budget, Source } from './source.ts';
import type { State } from './state.ts';
import { createPassage, readsOfSteps } from './steps.ts';

interface Options {
  source: Source;
  budget: Budget;
  page: number;
  mostCharacters: number;
  from?: State | undefined;
}

/** Rows that are looked up and worked on at once. */
const together = 50;

/**
 * What has to be worked out as a whole, `mostKept` rows of it at most. It is done anew for each page: nothing is kept between
 * requests.
 */
export async function collected([first, ...stages]: Plan['stages'], options: Options): Promise<Page> {
  const { source, budget, from } = options;
  let rows: Row[] = [];
  for (const [n, { collector }] of stages.entries()) {
    const collecting = createCollecting(collector!, source);
    if (n === 0) {
      await gather(first, collecting.reads, { source, budget, at: collector!.at }, collecting.add);
    } else {
      await pass(rows, stages[n - 1]!, collecting.reads, options, collecting.add);
    }
    rows = collecting.rows();
  }
  const last = stages.at(-1)!;
  const passed: Row[] = [];
  await pass(rows, last, new Set(), options, (row) => void passed.push(row));
  const answer = createAnswer(last.columns, options);
  const start = from?.offset ?? 0;
  const end = start + options.page;
  for (const [n, row] of passed.slice(start, end).entries()) answer.add(row, { offset: start + n + 1 });
  return answer.end(end < passed.length ? { offset: end } : undefined);
}

async function pass(
  rows: readonly Row[],
  { steps }: Stage,
  reads: ReadonlySet<number>,
  { source, budget }: Options,
  each: (row: Row) => void,
): Promise<void> {
  const passage = createPassage(steps);
  const all = new Set([...readsOfSteps(steps), ...reads]);
  for (let at = 0; at < rows.length && !passage.isOver; at += together) {
    const some = rows.slice(at, at + together);
    const isOfTable = some[0]?.place !== undefined;
    if (isOfTable) await source.load(some, all);
    for (const row of some) {
      if (passage.isOver) break;
      if (passage.passes(row)) each(row);
      await budget.rest();
    }
    // What was looked up, and made of it, can be so again.
    for (const row of some) Object.assign(row, slim(row, source));
  }
}

function createCollecting(collector: Collector, source: Source) {
  const { at } = collector;
  if (collector.kind === 'group') {
    const { by, aggregates } = collector;
    const groups = createGroups(at, by, aggregates);
    const of = [...by, ...aggregates.flatMap((one) => one.of ?? [])];
    return { reads: new Set(of.flatMap(({ reads }) => [...reads])), add: groups.add, rows: groups.rows };
  }
  const { keys, limit = Number.POSITIVE_INFINITY } = collector;
  const isBounded = limit <= mostKept;
  const first = createFirst<Sorted>(isBounded ? limit : mostKept + 1, compareSorted(keys));
  return {
    reads: readsOfKeys(keys),
    add(row: Row): void {
      first.add({ row: slim(row, source), keys: keysOf(keys, row), place: row.place });
      if (!isBounded && first.all().length > mostKept) throw tooMany(at);
    },
    rows: () => first.all().map(({ row }) => row),
  };
}
