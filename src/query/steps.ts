import type { Row } from './compiled.ts';
import type { Step } from './plan.ts';

/** The steps of a stage on their way through its rows: what is left of each `take` is all that they remember. */
export interface Passage {
  /** Whether a row comes through. */
  passes(row: Row): boolean;
  /** Whether none can come through any more. */
  readonly isOver: boolean;
  left(): number[];
}

/** `left`: where it went on before; default: from the beginning. */
export function createPassage(steps: readonly Step[], left?: readonly number[]): Passage {
  const counts = steps.filter((step) => step.kind === 'take').map(({ count }) => count);
  const rest = counts.map((count, n) => Math.min(count, left?.[n] ?? count));
  return {
    passes(row) {
      let take = 0;
      for (const step of steps) {
        if (step.kind === 'where' ? step.condition.evaluate(row) !== true : rest[take]!-- <= 0) return false;
        if (step.kind === 'take') take++;
      }
      return true;
    },
    get isOver() {
      return rest.some((one) => one <= 0);
    },
    left: () => [...rest],
  };
}

/** Columns that steps ask for. */
export function readsOfSteps(steps: readonly Step[]): Set<number> {
  return new Set(steps.flatMap((step) => (step.kind === 'where' ? [...step.condition.reads] : [])));
}
