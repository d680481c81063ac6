import type { Bound } from './compiled.ts';
import type { Plan, Stage } from './plan.ts';

/** What has to hold of the columns of every row that comes out: rows of which it does not need not be read. */
export function boundsOf({ stages: [{ steps }] }: Plan): Bound[] {
  // What is taken is counted before conditions behind it are asked.
  const taken = steps.findIndex(({ kind }) => kind === 'take');
  const leading = taken < 0 ? steps : steps.slice(0, taken);
  return leading.flatMap((step) => (step.kind === 'where' ? (step.condition.bounds ?? []) : []));
}

/** A plan that leaves an order to whoever reads the table. */
export interface InOrder {
  plan: Plan;
  descending: boolean;
}

/** The plan without its first order, where that is by one of the table's columns as it is, and nothing else. */
export function orderedBy({ stages: [first, second, ...more] }: Plan, column: number): InOrder | undefined {
  const { collector } = second ?? {};
  if (!second || collector?.kind !== 'order' || first.steps.some(({ kind }) => kind === 'take')) return undefined;
  const [key, ...others] = collector.keys;
  if (key?.value.column !== column || others.length > 0) return undefined;
  const { limit } = collector;
  const merged: Stage = {
    collector: undefined,
    steps: [...first.steps, ...(limit === undefined ? [] : [{ kind: 'take' as const, count: limit }]), ...second.steps],
    columns: second.columns,
  };
  return { plan: { stages: [merged, ...more] }, descending: key.descending };
}
