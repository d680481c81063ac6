import type { Contender, Figures, Row, Shape, Situation } from './shape.ts';

export interface Comparison {
  row: Row;
  /** Median of each contender that was measured. */
  medians: Map<Contender, number>;
  /** Bonded's figure by that of another, in the same round: median, smallest and largest. */
  ratios: Map<Contender, { median: number; least: number; most: number }>;
}

/** Measures every contender once a round, in an order that turns, so that whatever else happens meets all of them. */
export async function measureRounds(
  shape: Shape,
  situation: Situation,
  contenders: readonly Contender[],
  progress: (round: number) => void,
): Promise<Comparison[]> {
  const rounds: Map<Contender, Figures>[] = [];
  for (let round = 0; round < situation.scale.rounds; round++) {
    const figures = new Map<Contender, Figures>();
    const turn = round % contenders.length;
    for (const contender of [...contenders.slice(turn), ...contenders.slice(0, turn)]) {
      figures.set(contender, await shape.measure(situation, contender));
    }
    rounds.push(figures);
    progress(round + 1);
  }
  return shape.rows.map((row) => compare(row, rounds, contenders));
}

function compare(row: Row, rounds: Map<Contender, Figures>[], contenders: readonly Contender[]): Comparison {
  const medians = new Map<Contender, number>();
  const ratios: Comparison['ratios'] = new Map();
  for (const contender of contenders) {
    const own = rounds.map((figures) => figures.get(contender)?.[row.key]).filter((value) => value !== undefined);
    if (own.length === 0) continue;
    medians.set(contender, median(own));
    if (contender === 'bonded') continue;
    const each = rounds.map((figures) => figures.get('bonded')![row.key]! / figures.get(contender)![row.key]!);
    ratios.set(contender, { median: median(each), least: Math.min(...each), most: Math.max(...each) });
  }
  return { row, medians, ratios };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
