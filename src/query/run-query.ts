import { createAnswer, type Page } from './answer.ts';
import { collected } from './collected.ts';
import { gather, slim } from './gather.ts';
import { met } from './met.ts';
import type { Collector, Plan, Stage } from './plan.ts';
import { compareSorted, createFirst, keysOf, readsOfKeys, type Sorted } from './sorting.ts';
import type { Budget, Source } from './source.ts';
import type { State } from './state.ts';
import { createPassage, readsOfSteps } from './steps.ts';

export type { Page } from './answer.ts';

export interface RunOptions {
  source: Source;
  budget: Budget;
  /** Rows of the answer, and about as many characters. */
  page: number;
  mostCharacters: number;
  /** Where the page before has ended. */
  from?: State | undefined;
}

/**
 * A page of the answer to a query. Where rows come out as they are met, it ends early once the budget is spent. What has to
 * see all rows first is refused then, and where it has to keep too many: QueryError.
 */
export async function runQuery({ stages }: Plan, options: RunOptions): Promise<Page> {
  const [first, second, ...more] = stages;
  if (!second) return streamed(first, options);
  const { collector } = second;
  if (collector?.kind === 'order' && more.length === 0) return ordered(first, { ...second, collector }, options);
  return collected(stages, options);
}

/** Rows in the order of the table. */
async function streamed({ steps, columns }: Stage, options: RunOptions): Promise<Page> {
  const { source, budget, from } = options;
  const passage = createPassage(steps, from?.left);
  const answer = createAnswer(columns, options);
  let place = from?.place;
  if (passage.isOver) return answer.end(undefined);
  let looked = false;
  for await (const { rows, through } of met(steps, new Set(), { source, budget, after: place })) {
    if (looked && budget.isSpent) return answer.end({ ...(place && { place }), left: passage.left() });
    looked = true;
    for (const row of rows) {
      const left = passage.left();
      if (passage.passes(row)) {
        // One more than there is room for: so there is a next page.
        if (answer.isFull) return answer.end({ ...(place && { place }), left });
        answer.add(row, { place: row.place!, left: passage.left() });
      }
      place = row.place;
      if (passage.isOver) return answer.end(undefined);
    }
    place = through;
  }
  return answer.end(undefined);
}

/** Rows in an order of the query: all are looked at for each page, and no more are kept than it has. */
async function ordered(
  first: Stage,
  { collector, steps, columns }: Stage & { collector: Collector & { kind: 'order' } },
  options: RunOptions,
): Promise<Page> {
  const { page, from, source } = options;
  const { keys, limit = Number.POSITIVE_INFINITY } = collector;
  const [limitLeft, ...stepsLeft] = from?.left ?? [];
  // How many of the first rows are wanted is the first of what is left.
  const wanted = limit === Number.POSITIVE_INFINITY ? limit : Math.min(limit, limitLeft ?? limit);
  const passage = createPassage(steps, from && stepsLeft);
  const answer = createAnswer(columns, options);
  if (wanted <= 0 || passage.isOver) return answer.end(undefined);
  const after = from?.keys && { keys: from.keys, place: from.place };
  const compare = compareSorted(keys);
  const kept = createFirst<Sorted>(Math.min(page, wanted) + 1, compare);
  await gather(first, readsOfKeys(keys), { ...options, at: collector.at }, (row) => {
    const one = { row: slim(row, source), keys: keysOf(keys, row), place: row.place };
    if (!after || compare(one, after) > 0) kept.add(one);
  });
  const rows = kept.all().slice(0, Math.min(page, wanted));
  await source.load(
    rows.map(({ row }) => row),
    readsOfSteps(steps),
  );
  let over = 0;
  const stateAt = ({ row, keys: by }: Sorted): State => ({
    place: row.place!,
    keys: by,
    left: [Number.isFinite(wanted) ? wanted - over : 0, ...passage.left()],
  });
  for (const one of rows) {
    const passes = passage.passes(one.row);
    over++;
    if (passes) answer.add(one.row, stateAt(one));
    if (passage.isOver) return answer.end(undefined);
  }
  const isEnd = rows.length === 0 || kept.all().length === rows.length || over >= wanted;
  return answer.end(isEnd ? undefined : stateAt(rows.at(-1)!));
}
