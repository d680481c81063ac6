import type { Suite } from './suite.ts';

export interface Choice {
  suite: Suite;
  /** Why it is skipped. */
  skipped?: string;
}

export interface Situation {
  /** Names on the command line; none means all. */
  names: readonly string[];
  /** Whether this is CI. */
  ci: boolean;
  /** Whether this runs inside the clone that `test/fresh-clone.sh` made. */
  freshClone: boolean;
  hasProgram(name: string): boolean;
  hasPostgres(): boolean;
}

/** Which suites run, and why the others do not. Throws an Error on a name that no suite has. */
export function chooseSuites(suites: readonly Suite[], situation: Situation): Choice[] {
  const { names } = situation;
  const unknown = names.find((name) => !suites.some((suite) => suite.name === name));
  if (unknown !== undefined) {
    throw new Error(`there is no suite ${unknown}; there are ${suites.map((suite) => suite.name).join(', ')}`);
  }
  return suites
    .filter((suite) => names.length === 0 || names.includes(suite.name))
    .map((suite) => {
      const skipped = reasonToSkip(suite, situation);
      return skipped === undefined ? { suite } : { suite, skipped };
    });
}

function reasonToSkip(suite: Suite, situation: Situation): string | undefined {
  const { names, ci, freshClone, hasProgram, hasPostgres } = situation;
  if (freshClone && !suite.inFreshClone) return 'left to the run that made this clone';
  if (suite.onlyInCi && !ci && !names.includes(suite.name)) return `only in CI, or as npm test -- ${suite.name}`;
  const missing = (suite.needs ?? []).filter((program) => !hasProgram(program));
  if (missing.length > 0) return `${missing.join(', ')} not found`;
  if (suite.postgres === 'needed' && !hasPostgres()) return 'PostgreSQL not found';
  return undefined;
}
