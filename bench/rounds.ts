import type { Contender } from './peers/contenders.ts';
import { median } from './percentile.ts';
import type { Figures, Row, Shape, Situation } from './shape.ts';

export interface Comparison {
  row: Row;
  /** Median of each contender that has the figure. */
  medians: Map<Contender, number>;
  /** Bonded's figure by that of another, in the same round: median, smallest and largest. */
  ratios: Map<Contender, { median: number; least: number; most: number }>;
}

/** Measures every contender once a round, in an order that turns, so that whatever else happens meets all of them. */
export async function measureRounds(
  shape: Shape,
  situation: Situation,
  contenders: readonly Contender[],
  progress: (round: number, contender: Contender) => void,
): Promise<Comparison[]> {
  const rounds: Map<Contender, Figures>[] = [];
  for (let round = 0; round < roundsOf(shape, situation); round++) {
    const figures = new Map<Contender, Figures>();
    const turn = round % contenders.length;
    for (const contender of [...contenders.slice(turn), ...contenders.slice(0, turn)]) {
      progress(round + 1, contender);
      figures.set(contender, await shape.measure(situation, contender));
    }
    rounds.push(figures);
  }
  return shape.rows.map((row) => compare(row, rounds, contenders));
}

export function roundsOf(shape: Shape, { scale }: Situation): number {
  return Math.min(scale.rounds, shape.rounds ?? scale.rounds);
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
