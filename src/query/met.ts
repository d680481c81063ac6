import type { Place, Row } from './compiled.ts';
import type { Step } from './plan.ts';
import type { Budget, Source } from './source.ts';
import { createPassage, readsOfSteps } from './steps.ts';

/** Rows whose columns are looked up at once. */
const together = 50;

export interface Met {
  rows: Row[];
  /** What was looked at ends here. */
  through: Place;
}

/**
 * Rows of the table that the conditions before the first `take` let through, with the columns that all further steps, and
 * `reads`, ask for. Conditions on what comes with a row are asked first, and what has to be looked up for each row last, so
 * that little is looked up of rows that are not wanted.
 */
export async function* met(
  steps: readonly Step[],
  reads: ReadonlySet<number>,
  { source, budget, after }: { source: Source; budget: Budget; after: Place | undefined },
): AsyncGenerator<Met> {
  const isLeading = steps.findIndex(({ kind }) => kind === 'take');
  const leading = isLeading < 0 ? steps : steps.slice(0, isLeading);
  const costOf = (columns: ReadonlySet<number>) => Math.max(0, ...[...columns].map((column) => source.costOf(column)));
  const tiers = [0, 1, 2].map((cost) => leading.filter((step) => costOf(readsOfSteps([step])) === cost));
  const all = new Set([...readsOfSteps(steps), ...reads]);

  async function sift(rows: Row[], tier: number): Promise<Row[]> {
    const conditions = tiers[tier]!;
    if (conditions.length === 0 || rows.length === 0) return rows;
    if (tier > 0) await source.load(rows, readsOfSteps(conditions));
    const passage = createPassage(conditions);
    const sifted: Row[] = [];
    for (const row of rows) {
      if (passage.passes(row)) sifted.push(row);
      await budget.rest();
    }
    return sifted;
  }

  for await (const batch of source.read(after)) {
    const cheap = await sift(batch.rows, 0);
    for (let at = 0; at === 0 || at < cheap.length; at += together) {
      const some = cheap.slice(at, at + together);
      const rows = await sift(await sift(some, 1), 2);
      if (rows.length > 0) await source.load(rows, all);
      const isLast = at + together >= cheap.length;
      yield { rows, through: isLast ? batch.through : some.at(-1)!.place! };
    }
  }
}
