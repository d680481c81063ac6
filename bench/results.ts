import { figuresOf, type Outcome, targetsOf } from './report.ts';
import type { Scale } from './shape.ts';
import { surroundings } from './surroundings.ts';

interface Run {
  scale: Scale;
  directory: string;
  loadBefore: number;
  minutes: number;
}

/** Targets first, then every figure. A smoke run does a part of what the descriptions say. */
export function tables(outcomes: readonly Outcome[]): string {
  const figures = outcomes.flatMap(figuresOf).join('\n').trimEnd();
  return `## Targets\n\n${targetsOf(outcomes).join('\n')}\n\n## Figures\n\n${figures}\n`;
}

/** The text of results.md. */
export function results(outcomes: readonly Outcome[], run: Run): string {
  const measured = new Set(outcomes.flatMap(({ shape }) => shape.contenders));
  const about = surroundings(run.scale, run.directory, run.loadBefore, measured);
  return `# Benchmark

Written by \`npm run bench\` in ${Math.round(run.minutes)} minutes. Ratios are Bonded's figure divided by that of the other
in the same round: what disturbs one contender disturbs the others too. What stands behind a target that is missed is in
[README.md](README.md#what-stands-behind-figures-that-miss-their-target).

${about.join('\n')}

${tables(outcomes)}`;
}
