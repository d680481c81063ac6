import type { Result } from './run-suite.ts';

/** Files that are tried a second time in one run: where more fail, the change is at fault and not the machine. */
const mostFiles = 6;

/**
 * The files of a suite in which a test failed, by the headings of `bun test`, and whether chance has found it: a random
 * test says its seed, and would look for something else when it runs again.
 */
export function failedFilesIn(output: string): { files: string[]; byChance: boolean } {
  const files = new Set<string>();
  let file: string | undefined;
  for (const line of output.split('\n')) {
    file = /^(\S+\.test\.ts):$/.exec(line)?.[1] ?? file;
    if (file !== undefined && (line.startsWith('(fail) ') || line.startsWith('# Unhandled error'))) files.add(file);
  }
  return { files: [...files], byChance: /\bseed\b/i.test(output) };
}

/**
 * Which files of which suites are worth a second try, alone on the machine: none where a suite did not end as it should,
 * where chance has found what is wrong, or where too much has failed.
 */
export function worthASecondTry(results: readonly Result[]): Map<Result, string[]> {
  const found = new Map<Result, string[]>();
  for (const result of results) {
    const { suite, counts, reason, output } = result;
    if (counts.failed === 0 || reason !== undefined || suite.kind !== 'tests') continue;
    const { files, byChance } = failedFilesIn(output);
    if (files.length > 0 && !byChance) found.set(result, files);
  }
  const all = [...found.values()].flat().length;
  return all > mostFiles ? new Map() : found;
}

/**
 * Tries again, alone, what failed beside other suites. Returns the results by that, and those of first tries that did
 * not stand: tests that are unsteady, which whoever reads the end of the log is to know.
 */
export async function tryAgain(
  results: readonly Result[],
  run: (first: Result, files: readonly string[]) => Promise<Result>,
): Promise<{ results: Result[]; unsteady: Result[] }> {
  const after = [...results];
  const unsteady: Result[] = [];
  for (const [first, files] of worthASecondTry(results)) {
    const second = await run(first, files);
    if (second.reason !== undefined || second.counts.failed > 0 || second.counts.passed === 0) continue;
    const { passed, failed, skipped } = first.counts;
    after[after.indexOf(first)] = { ...first, counts: { passed: passed + failed, failed: 0, skipped } };
    unsteady.push(first);
  }
  return { results: after, unsteady };
}
