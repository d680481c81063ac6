import type { Row } from './compiled.ts';
import { met } from './met.ts';
import type { Stage } from './plan.ts';
import { QueryError } from './query-error.ts';
import type { Budget, Source } from './source.ts';
import { createPassage } from './steps.ts';

/**
 * Hands over every row of the table that comes through a stage, with the columns that `reads` names. QueryError where there
 * are more to look at than the budget allows; `at` is then where the query asks for all of them.
 */
export async function gather(
  { steps }: Stage,
  reads: ReadonlySet<number>,
  { source, budget, at }: { source: Source; budget: Budget; at: number },
  each: (row: Row) => void,
): Promise<void> {
  const passage = createPassage(steps);
  if (passage.isOver) return;
  let looked = false;
  for await (const { rows } of met(steps, reads, { source, budget, after: undefined })) {
    if (looked && budget.isSpent) throw tooMuch(at);
    looked = true;
    for (const row of rows) {
      if (passage.passes(row)) each(row);
      if (passage.isOver) return;
      await budget.rest();
    }
  }
}

function tooMuch(at: number): QueryError {
  return new QueryError(
    at,
    'this has to see all manifests before it can answer, and there are more than one request may look at; ask of one repository, of a part of the time (createdAt > ago(7d)), or only in the order in which they come',
  );
}

/** A row without what can be looked up again, so that many can be kept. */
export function slim({ place, values }: Row, { costOf }: Source): Row {
  const kept = place ? values.map((value, column) => (costOf(column) === 0 ? value : undefined)) : values;
  return { ...(place && { place }), values: kept, made: [] };
}
