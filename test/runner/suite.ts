/** How long random tests run: beside one's work, in CI, or for hours. */
export type Profile = 'small' | 'ci' | 'soak';

interface Common {
  name: string;
  /** What it shows, for `--list`. */
  shows: string;
  /** Programs that it cannot do without. A suite that can do with some of them skips tests of its own. */
  needs?: readonly string[];
  /** Whether it runs on PostgreSQL: it cannot do without one, or is told of one where there is one. */
  postgres?: 'needed' | 'offered';
  /** Its servers in CI are the program as it is built, which starts sooner; from the source start those of other suites. */
  built?: boolean;
  /** What it shows is not of the disk: in CI its files are in memory. The suites of the fresh clone are on the disk. */
  inMemory?: boolean;
  /** Bound on its time (minutes). */
  minutes: Record<Profile, number>;
  /** Environment by profile. */
  environment?: Partial<Record<Profile, Record<string, string>>>;
  /** Runs while no other suite does: it measures. */
  alone?: boolean;
  /** Runs only in CI, or when it is named. */
  onlyInCi?: boolean;
  /**
   * Part of the run that `test/fresh-clone.sh` makes inside its clone: all of it, or what goes another way on a machine
   * that has little, by glob. The run that makes the clone shows the rest.
   */
  inFreshClone?: true | readonly string[];
}

/** Files of `bun test`, by glob from the root of the repository. */
export interface TestSuite extends Common {
  kind: 'tests';
  files: readonly string[];
  except?: readonly string[];
}

/** A program that ends its output with a count line. */
export interface ScriptSuite extends Common {
  kind: 'script';
  file: string;
  args?: readonly string[];
}

export type Suite = TestSuite | ScriptSuite;
