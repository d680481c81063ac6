import type { Place, Row } from './compiled.ts';

/** Rows of the table, one after the other, with the columns that cost nothing. */
export interface Batch {
  rows: Row[];
  /** What has been looked at ends here: the next batch comes after it. */
  through: Place;
}

/** The table that a query is asked of. */
export interface Source {
  /** All rows after a place, in the order of the table; ends early, with its place, once the budget is spent. */
  read(after: Place | undefined): AsyncIterable<Batch>;
  /** Reads columns of rows that have a place; those that are there already are left. What is gone is null. */
  load(rows: readonly Row[], columns: ReadonlySet<number>): Promise<void>;
  /** What it costs to read a column: 0 comes with the row, 1 is looked up for many at once, 2 for each. */
  costOf(column: number): 0 | 1 | 2;
}

/** How much one request may look at. */
export interface Budget {
  spend(rows: number): void;
  readonly isSpent: boolean;
  /** Lets others have their turn, where it has been a while. */
  rest(): Promise<void>;
}

/** Longest that nobody else has a turn (ms). */
const turnMs = 10;

interface BudgetOptions {
  /** The most that may be looked at, and for how long (ms). */
  rows: number;
  ms: number;
  /** Whether nobody waits for the answer any more. */
  isGone?: () => boolean;
}

/** `clock`: ms. */
export function createBudget(
  { rows, ms, isGone = () => false }: BudgetOptions,
  clock = () => performance.now(),
): Budget {
  const until = clock() + ms;
  let left = rows;
  let turn = clock();
  return {
    spend: (count) => void (left -= count),
    get isSpent() {
      return left <= 0 || clock() >= until || isGone();
    },
    async rest() {
      if (clock() - turn < turnMs) return;
      await new Promise(setImmediate);
      turn = clock();
    },
  };
}
