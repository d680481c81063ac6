import { type Contender, titleOf } from './peers/contenders.ts';
import type { Comparison } from './rounds.ts';
import type { Row, Shape } from './shape.ts';

/** A shape with what was measured. */
export interface Outcome {
  shape: Shape;
  comparisons: readonly Comparison[];
  rounds: number;
  /** What else is to be said: a line each. */
  notes: readonly string[];
}

/** A section for each shape: a line for each figure, a column for each contender. */
export function figuresOf({ shape, comparisons, rounds, notes }: Outcome): string[] {
  const about = rounds === 0 ? shape.about : `${shape.about} ${rounds} ${rounds === 1 ? 'round' : 'rounds'}.`;
  const lines = [`### ${shape.name}`, '', about, '', ...notes.flatMap((note) => [note, ''])];
  if (rounds === 0) return lines;
  const others = shape.contenders.filter((name) => name !== 'bonded');
  lines.push(cells('what', 'unit', titleOf('bonded'), ...others.map(titleOf)));
  lines.push(`|---|---|${'--:|'.repeat(others.length + 1)}`);
  for (const { row, medians, ratios } of comparisons) {
    const beside = others.map((name) => {
      const [own, ratio] = [medians.get(name), ratios.get(name)];
      if (own === undefined) return '–';
      return ratio ? `${figure(own)} (${figure(ratio.median)} ×)` : figure(own);
    });
    const own = medians.get('bonded');
    lines.push(cells(row.what, row.unit, own === undefined ? '–' : figure(own), ...beside));
  }
  return [...lines, ''];
}

/** A line for each target; a peer that is missing never counts as beaten. */
export function targetsOf(outcomes: readonly Outcome[]): string[] {
  const lines = [cells('what', 'beside', 'Bonded ÷ it (least to most)', 'target', ''), '|---|---|--:|--:|---|'];
  for (const { shape, comparisons } of outcomes) {
    for (const row of shape.rows) {
      const comparison = comparisons.find((one) => one.row === row);
      for (const name of shape.contenders) {
        const target = row.targets?.[name];
        if (target !== undefined) lines.push(targetLine(row, name, target, comparison));
        const limit = row.limits?.[name];
        if (limit !== undefined) lines.push(limitLine(row, name, limit, comparison));
      }
    }
  }
  return lines;
}

function targetLine(row: Row, name: Contender, target: number, comparison: Comparison | undefined): string {
  const wanted = `${row.better === 'more' ? '≥' : '≤'} ${target} ×`;
  const ratio = comparison?.ratios.get(name);
  if (!ratio) return cells(row.what, titleOf(name), 'not measured', wanted, '');
  const range = `${figure(ratio.median)} × (${figure(ratio.least)} to ${figure(ratio.most)})`;
  const met = row.better === 'more' ? ratio.median >= target : ratio.median <= target;
  return cells(row.what, titleOf(name), range, wanted, verdict(met));
}

function limitLine(row: Row, name: Contender, limit: number, comparison: Comparison | undefined): string {
  const unit = row.unit === '' ? '' : ` ${row.unit}`;
  const wanted = `${row.better === 'more' ? '≥' : '≤'} ${limit}${unit}`;
  const own = comparison?.medians.get(name);
  const what = name === 'bonded' ? row.what : `${row.what}, ${titleOf(name)}`;
  if (own === undefined) return cells(what, '', 'not measured', wanted, '');
  return cells(what, '', `${figure(own)}${unit}`, wanted, verdict(row.better === 'more' ? own >= limit : own <= limit));
}

function verdict(met: boolean): string {
  return met ? 'met' : '**missed**';
}

function cells(...texts: string[]): string {
  return `| ${texts.join(' | ')} |`;
}

/** Three digits that count; thousands apart. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '?';
  if (value >= 1000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
  return String(Number(value.toPrecision(3)));
}
