import { countLine } from './counts.ts';
import type { Result } from './run-suite.ts';

const shownLines = 300;

/** One line about a suite that ran; what it wrote follows where it failed. */
export function describeResult(
  { suite, counts, seconds, reason, output }: Result,
  shown: boolean,
  log: string,
): string {
  const line = `${suite.name.padEnd(16)}${countLine(counts)}  ${seconds.toFixed(1)} s`;
  if (counts.failed === 0) return line;
  const complaint = reason === undefined ? '' : `\n${suite.name} ${reason}`;
  if (shown || output === '') return `${line}${complaint}`;
  const lines = output.trimEnd().split('\n');
  const cut = lines.length > shownLines ? [`… ${lines.length - shownLines} lines before these are in ${log}`] : [];
  return [line, ...cut, ...lines.slice(-shownLines).map((text) => `  ${text}`), complaint].filter(Boolean).join('\n');
}
