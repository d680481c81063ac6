import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { tryAgain } from './again.ts';
import { chooseSuites, type Choice } from './choose.ts';
import { endAll } from './command.ts';
import { add, countLine, type Counts, noCounts } from './counts.ts';
import { failuresIn } from './failures.ts';
import { runInLanes } from './lanes.ts';
import { describeResult } from './report.ts';
import { type Result, runSuite } from './run-suite.ts';
import type { Profile, Suite } from './suite.ts';
import { createSupplies } from './supplies.ts';

export interface AllOptions {
  root: string;
  /** Suites by name; none means all. */
  names: readonly string[];
  profile: Profile;
  ci: boolean;
  freshClone: boolean;
  /** Whether a skipped test makes the run fail. */
  mayNotSkip: boolean;
  /** Suites one after the other, so that what they write can be read while it comes. */
  live: boolean;
}

/** How many suites run at a time: most of them wait more than they work. */
const lanes = Math.min(2, availableParallelism());

/** Runs suites and prints what became of each as it ends. Returns the exit code. */
export async function runAll(suites: readonly Suite[], options: AllOptions): Promise<number> {
  let choices: Choice[];
  try {
    choices = chooseSuites(suites, {
      ...options,
      hasProgram: (name) => Bun.which(name) !== null,
      hasPostgres: () => findPostgres() !== undefined,
    });
  } catch (error) {
    console.error((error as Error).message);
    return 2;
  }
  const logs = join(options.root, 'results', 'test');
  const cluster = sharedCluster();
  const supplies = createSupplies(options.root, logs);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      void endAll()
        .then(cluster.stop)
        .finally(() => {
          supplies[Symbol.dispose]();
          process.exit(130);
        });
    });
  }
  let total: Ran;
  try {
    total = await runChosen(choices, { ...options, logs, postgresUrl: cluster.url, supplies });
  } finally {
    await cluster.stop();
    supplies[Symbol.dispose]();
  }
  const skipped = choices.filter((choice) => choice.skipped !== undefined);
  for (const { suite, skipped: reason } of skipped) console.log(`${suite.name.padEnd(16)}skipped: ${reason}`);
  const counts = { ...total.counts, skipped: total.counts.skipped + skipped.length };
  const forbidden = options.mayNotSkip && counts.skipped > 0;
  if (forbidden) console.log('Skipping is forbidden here (CI=true or BONDED_NO_SKIP=1), so this run fails.');
  for (const line of total.failures) console.log(line);
  console.log(countLine(counts));
  return counts.failed > 0 || forbidden ? 1 : 0;
}

interface Ran {
  counts: Counts;
  /** What failed, or did at first, a line each, once more: the rest of a long log may not be kept. */
  failures: string[];
}

interface ChosenOptions extends AllOptions {
  logs: string;
  postgresUrl: () => Promise<string | undefined>;
  supplies: ReturnType<typeof createSupplies>;
}

async function runChosen(choices: readonly Choice[], options: ChosenOptions): Promise<Ran> {
  const { root, profile, live, ci, freshClone, logs, postgresUrl, supplies } = options;
  const run = async (suite: Suite, again?: readonly string[]) =>
    runSuite(suite, {
      root,
      freshClone,
      profile,
      live,
      logs,
      ...(again && { again }),
      postgres: suite.postgres ? await postgresUrl() : undefined,
      environment: process.env,
      supplies: {
        program: ci && suite.built ? await supplies.program() : undefined,
        directory: ci && suite.inMemory ? supplies.directory() : undefined,
      },
    });
  const results: Result[] = [];
  await runInLanes(
    choices.filter(({ skipped }) => skipped === undefined),
    {
      lanes: live || freshClone ? 1 : lanes,
      alone: ({ suite }) => suite.alone ?? false,
      async run({ suite }) {
        // A log that grows is how one sees from outside where CI is.
        if (ci) console.log(`${suite.name} ...`);
        const result = await run(suite);
        results.push(result);
        console.log(describeResult(result, live, join(logs, `${suite.name}.log`)));
      },
    },
  );
  const after = profile === 'soak' ? { results, unsteady: [] } : await tryAgain(results, onceMore);
  const failed = after.results.filter(({ counts }) => counts.failed > 0);
  const failures = [
    ...after.unsteady.flatMap((result) => failuresOf(result, 'unsteady in')),
    ...failed.flatMap((result) => failuresOf(result, 'failed in')),
  ];
  return { counts: after.results.map(({ counts }) => counts).reduce(add, noCounts), failures };

  async function onceMore({ suite }: Result, files: readonly string[]): Promise<Result> {
    console.log(`${suite.name} once more: ${files.join(' ')}`);
    const second = await run(suite, files);
    console.log(describeResult(second, live, join(logs, `${suite.name}-again.log`)));
    return second;
  }
}

function failuresOf({ suite, reason, output }: Result, how: string): string[] {
  const lines = failuresIn(output);
  if (reason !== undefined) lines.push(reason);
  return lines.map((line) => `${how} ${suite.name}: ${line}`);
}

/** One PostgreSQL for all suites that want one, started for the first of them. */
function sharedCluster() {
  let started: Promise<TestPostgres> | undefined;
  return {
    async url(): Promise<string | undefined> {
      if (!findPostgres()) return undefined;
      started ??= startPostgres({ durable: false });
      return (await started).url;
    },
    async stop(): Promise<void> {
      await (await started)?.stop();
    },
  };
}
