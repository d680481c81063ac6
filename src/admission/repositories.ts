import { patternCovers } from '../access/index.ts';

/*
 * Where something holds: repositories, `PREFIX/*`, or `*`. What begins with `!` is taken away again, whatever the order.
 */

/** Whether patterns cover a repository. */
export function covers(patterns: readonly string[], repository: string): boolean {
  let covered = false;
  for (const pattern of patterns) {
    if (!pattern.startsWith('!')) covered ||= patternCovers(pattern, repository);
    else if (patternCovers(pattern.slice(1), repository)) return false;
  }
  return covered;
}

/** Whether there may be a repository that both cover; says yes in doubt. */
export function mayMeet(some: readonly string[], others: readonly string[]): boolean {
  const positive = (patterns: readonly string[]) => patterns.filter((pattern) => !pattern.startsWith('!'));
  return positive(some).some((one) => positive(others).some((other) => meet(one, other)));
}

function meet(one: string, other: string): boolean {
  if (one === '*' || other === '*') return true;
  if (!one.endsWith('/*')) return patternCovers(other, one);
  if (!other.endsWith('/*')) return patternCovers(one, other);
  return one.startsWith(other.slice(0, -1)) || other.startsWith(one.slice(0, -1));
}
