import type { Latencies, Summary } from './summary.ts';

/** A summary as zb prints it. */
export function print(summary: Summary): string {
  const lines = [
    '============',
    field('Test name:', summary.name),
    field('Time taken for tests:', duration(summary.seconds * 1000)),
    field('Complete requests:', summary.requests - summary.failed),
    field('Failed requests:', summary.failed),
    field('Requests per second:', summary.requestsPerSecond.toPrecision(6)),
  ];
  if (summary.mibPerSecond > 0) lines.push(field('MiB of layers per second:', summary.mibPerSecond.toPrecision(4)));
  for (const [error, count] of Object.entries(summary.errors)) lines.push(`Error ${error} count: ${count}`);
  for (const counts of [summary.sizes, summary.kinds]) {
    if (Object.keys(counts).length > 1) lines.push('', ...Object.entries(counts).map(([key, n]) => `${key}: ${n}`));
  }
  lines.push('', ...Object.entries(summary.statuses).map(([status, count]) => `${status} responses: ${count}`));
  lines.push('', ...percentiles('', summary.latencies));
  for (const [what, latencies] of Object.entries(summary.firstBytes)) {
    lines.push('', ...percentiles(`${what} TTFB `, latencies).slice(2));
  }
  if (!summary.cleaned) lines.push('', 'The registry does not delete: what was pushed is still there.');
  return `${lines.join('\n')}\n`;
}

function field(name: string, value: string | number): string {
  return `${name.padEnd(26)}${value}`;
}

function percentiles(what: string, latencies: Latencies): string[] {
  return Object.entries(latencies).map(([name, value]) => `${what}${name}: ${duration(value)}`);
}

/** In the unit that makes it readable. */
export function duration(milliseconds: number): string {
  if (milliseconds < 1) return `${Number((milliseconds * 1000).toFixed(3))}µs`;
  if (milliseconds < 1000) return `${Number(milliseconds.toFixed(6))}ms`;
  return `${Number((milliseconds / 1000).toFixed(6))}s`;
}
