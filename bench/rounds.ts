import { type Contender, titleOf } from './peers/contenders.ts';
import { median } from './percentile.ts';
import type { Figures, Row, Shape, Situation } from './shape.ts';
import { touchMemory } from './touch-memory.ts';

export interface Comparison {
  row: Row;
  /** Median of each contender that has the figure. */
  medians: Map<Contender, number>;
  /** Bonded's figure by that of another, in the same round: median, smallest and largest. */
  ratios: Map<Contender, { median: number; least: number; most: number }>;
}

export interface Rounds {
  comparisons: Comparison[];
  /** How many there were. */
  count: number;
  /** What peers did wrong, a line each. */
  failures: string[];
}

/** No further round begins when a shape has taken this long (s): the whole run has to end while somebody waits. */
const enoughSeconds = 90;

/** Measures every contender once a round, in an order that turns, so that whatever else happens meets all of them. */
export async function measureRounds(
  shape: Shape,
  situation: Situation,
  contenders: readonly Contender[],
  progress: (round: number, contender: Contender) => void,
): Promise<Rounds> {
  const rounds: Map<Contender, Figures>[] = [];
  const failures = new Set<string>();
  const most = Math.min(situation.scale.rounds, shape.rounds ?? Number.POSITIVE_INFINITY);
  const began = performance.now();
  while (rounds.length < most && (rounds.length === 0 || performance.now() - began < enoughSeconds * 1000)) {
    const figures = new Map<Contender, Figures>();
    const turn = rounds.length % contenders.length;
    for (const contender of [...contenders.slice(turn), ...contenders.slice(0, turn)]) {
      progress(rounds.length + 1, contender);
      await touchMemory(situation.scale.memoryBytes);
      try {
        figures.set(contender, await shape.measure(situation, contender));
      } catch (error) {
        // What a peer cannot stand is a result too.
        if (contender.startsWith('bonded')) throw error;
        failures.add(`${titleOf(contender)} failed: ${(error as Error).message}`);
      }
    }
    rounds.push(figures);
  }
  const comparisons = shape.rows.map((row) => compare(row, rounds, contenders));
  return { comparisons, count: rounds.length, failures: [...failures] };
}

/** What the rounds say of one row. */
export function compare(
  row: Row,
  rounds: readonly Map<Contender, Figures>[],
  contenders: readonly Contender[],
): Comparison {
  const medians: Comparison['medians'] = new Map();
  const ratios: Comparison['ratios'] = new Map();
  for (const contender of contenders) {
    const own = rounds.map((figures) => figures.get(contender)?.[row.key]).filter((value) => value !== undefined);
    if (own.length === 0) continue;
    medians.set(contender, median(own));
    if (contender === 'bonded') continue;
    const each = rounds
      .map((figures) => (figures.get('bonded')?.[row.key] ?? Number.NaN) / (figures.get(contender)?.[row.key] ?? 0))
      .filter((ratio) => Number.isFinite(ratio));
    if (each.length === 0) continue;
    ratios.set(contender, { median: median(each), least: Math.min(...each), most: Math.max(...each) });
  }
  return { row, medians, ratios };
}
