import { median } from '../percentile.ts';
import type { Cost } from './measure.ts';

/** A figure of both registries, in each round. */
export interface Line {
  what: string;
  unit: string;
  small: readonly number[];
  large: readonly number[];
  /** Processor time (ms), where it is told. */
  processor?: { small: readonly number[]; large: readonly number[] };
  target?: number | undefined;
}

export const lineOf = (what: string, small: readonly Cost[], large: readonly Cost[], target?: number): Line => ({
  what,
  unit: 'ms',
  small: small.map(({ time }) => time),
  large: large.map(({ time }) => time),
  processor: { small: small.map(({ processor }) => processor), large: large.map(({ processor }) => processor) },
  target,
});

/** Ratios are of figures of the same round: what disturbs one registry disturbs the other. */
export function tableOf(lines: readonly Line[]): string {
  const rows = lines.map(({ what, unit, small, large, processor, target }) => {
    const ratios = large.map((figure, round) => figure / small[round]!);
    const ratio = median(ratios);
    const range =
      small.length === 0 ? '' : `${short(ratio)} × (${short(Math.min(...ratios))} to ${short(Math.max(...ratios))})`;
    const cpu = processor && small.length > 0 ? `${short(ratioOf(processor))} ×` : '';
    const verdict = target === undefined ? '' : ratio <= target ? 'met' : 'missed';
    const wanted = target === undefined ? '' : `≤ ${target} ×`;
    return [
      what,
      unit,
      small.length > 0 ? short(median(small)) : '',
      short(median(large)),
      range,
      cpu,
      wanted,
      verdict,
    ];
  });
  const head = ['what', 'unit', 'small', 'large', 'large ÷ small (least to most)', 'processor time', 'target', ''];
  const rule = ['---', '---', '--:', '--:', '--:', '--:', '--:', '---'];
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const ratioOf = ({ small, large }: { small: readonly number[]; large: readonly number[] }): number =>
  median(large) / median(small);

function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(3))) : '?';
}
