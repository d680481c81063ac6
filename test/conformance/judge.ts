import type { Counts } from '../runner/counts.ts';
import type { Result } from './results.ts';
import type { Workflow } from './workflows.ts';

const shownLogLines = 25;

export interface Verdict {
  counts: Counts;
  /** One text for each failure, to be printed. */
  failures: string[];
}

/**
 * Judges a run. A test that the suite skipped is a failure unless the workflow says why it may be, and an exception
 * that nothing makes use of is one too: it would hide the next regression.
 */
export function judge(
  { leftOut }: Workflow,
  tests: readonly Result[],
  summary: readonly Result[],
  clean: boolean,
): Verdict {
  const failures: string[] = [];
  const used = new Set<string>();
  let passed = 0;
  const fail = ({ name, complaint, log }: Result) =>
    failures.push([name, complaint, excerpt(log)].filter(Boolean).join('\n'));
  for (const test of tests) {
    if (test.status === 'passed') passed++;
    else if (test.status === 'failed') fail(test);
    else if (leftOut[test.name] === undefined) fail({ ...test, complaint: `skipped: ${test.complaint}` });
    else used.add(test.name);
  }
  for (const part of summary) {
    if (part.status === 'passed') continue;
    if (leftOut[part.name] !== undefined && part.status === 'skipped') used.add(part.name);
    // A part fails by its tests, which are listed already; only one that nothing accounts for is news.
    else if (failures.length === 0) fail(part);
  }
  for (const name of Object.keys(leftOut)) {
    if (!used.has(name)) failures.push(`${name}\nis listed as left out, but the suite did not leave it out`);
  }
  if (!clean && failures.length === 0) failures.push('the suite ended as failed without naming a test');
  if (passed === 0) failures.push('the suite passed no test at all');
  return { counts: { passed, failed: failures.length, skipped: 0 }, failures };
}

function excerpt(log: string): string {
  const lines = log.split('\n');
  return lines.length <= shownLogLines ? log : ['…', ...lines.slice(-shownLogLines)].join('\n');
}
