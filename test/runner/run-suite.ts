import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runCommand } from './command.ts';
import { type Counts, noCounts, readBunSummary, readCountLine } from './counts.ts';
import type { Supplies } from './supplies.ts';
import type { Profile, Suite, TestSuite } from './suite.ts';

export interface Result {
  suite: Suite;
  counts: Counts;
  seconds: number;
  /** Why it did not run, or why it counts as failed though its tests do not say so. */
  reason?: string;
  /** Everything that it wrote. */
  output: string;
}

export interface RunOptions {
  /** Only these of its files: a second try, with a log of its own. */
  again?: readonly string[];
  root: string;
  /** Whether this runs inside the clone that `test/fresh-clone.sh` made. */
  freshClone?: boolean;
  profile: Profile;
  /** URL of a PostgreSQL, where there is one. */
  postgres: string | undefined;
  supplies?: Supplies;
  /** Whether output is shown while it comes. */
  live: boolean;
  /** Where the output of each suite is kept. */
  logs: string;
  environment: Record<string, string | undefined>;
}

/** The default of `bun test`, 5 s, is too short for tests that start processes on a busy machine. */
const testTimeoutMs: Record<Profile, number> = { small: 60_000, ci: 900_000, soak: 12 * 3_600_000 };

export async function runSuite(suite: Suite, options: RunOptions): Promise<Result> {
  const name = `${suite.name}${options.again ? '-again' : ''}`;
  const command = await commandOf(suite, name, options);
  if (typeof command === 'string') return failed(suite, command);
  const ended = await runCommand(command, {
    cwd: options.root,
    environment: environmentOf(suite, options),
    limitMs: suite.minutes[options.profile] * 60_000,
    live: options.live,
  });
  const log = join(options.logs, `${name}.log`);
  await mkdir(dirname(log), { recursive: true });
  await Bun.write(log, ended.output);
  const counts = (suite.kind === 'tests' ? readBunSummary : readCountLine)(ended.output);
  const reason = complaintOf(suite, options, ended, counts);
  const base = { suite, seconds: ended.seconds, output: ended.output };
  if (reason === undefined) return { ...base, counts: counts! };
  const known = counts ?? noCounts;
  return { ...base, counts: { ...known, failed: Math.max(1, known.failed) }, reason };
}

/** What is wrong with a run beyond failed tests: no verdict of a crashed or empty run may look like success. */
function complaintOf(
  suite: Suite,
  { profile }: RunOptions,
  { code, signal, timedOut, leftovers }: Awaited<ReturnType<typeof runCommand>>,
  counts: Counts | undefined,
): string | undefined {
  if (timedOut) return `was ended after ${suite.minutes[profile]} minutes`;
  if (signal !== null) return `was ended by ${signal}`;
  if (!counts) return `ended with code ${code} and without its counts`;
  if (counts.passed + counts.failed + counts.skipped === 0) return 'ran no test';
  if (code !== 0 && counts.failed === 0) return `ended with code ${code} though no test failed`;
  if (code === 0 && counts.failed > 0) return 'ended with code 0 though tests failed';
  if (leftovers) return 'left processes running';
  return undefined;
}

/** The command line, or what is missing for it. */
async function commandOf(
  suite: Suite,
  name: string,
  { root, profile, again, logs, freshClone = false }: RunOptions,
): Promise<string[] | string> {
  if (suite.kind === 'tests') {
    const files = again ?? (await filesOf(suite, root, freshClone));
    if (files.length === 0) return `no file matches ${suite.files.join(' ')}`;
    const paths = files.map((path) => `./${path}`);
    // How long each test took is in a file beside the log.
    const times = ['--reporter=junit', `--reporter-outfile=${join(logs, `${name}.xml`)}`];
    return [process.execPath, 'test', '--only-failures', `--timeout=${testTimeoutMs[profile]}`, ...times, ...paths];
  }
  if (!existsSync(join(root, suite.file))) return `${suite.file} does not exist`;
  const interpreter = suite.file.endsWith('.sh') ? 'bash' : process.execPath;
  return [interpreter, suite.file, ...(suite.args ?? [])];
}

/** Paths from the root, sorted: all of a suite, or those that it has in a fresh clone. */
export async function filesOf(suite: TestSuite, root: string, freshClone = false): Promise<string[]> {
  const found = new Set<string>();
  const except = (suite.except ?? []).map((pattern) => new Bun.Glob(pattern));
  for (const pattern of suite.files) {
    for await (const path of new Bun.Glob(pattern).scan(root)) {
      if (!except.some((glob) => glob.match(path))) found.add(path);
    }
  }
  const { inFreshClone } = suite;
  const only = freshClone && Array.isArray(inFreshClone) ? inFreshClone.map((pattern) => new Bun.Glob(pattern)) : [];
  return [...found].filter((path) => only.length === 0 || only.some((glob) => glob.match(path))).toSorted();
}

function environmentOf(suite: Suite, options: RunOptions): Record<string, string | undefined> {
  // Every setting of the tests is stated, so that what is left over in a shell does not change a result.
  const { BONDED_TEST_S3: _s3, BONDED_TEST_PROGRAM: _program, ...given } = options.environment;
  const environment = { ...given, ...suite.environment?.[options.profile] };
  const { program, directory } = options.supplies ?? {};
  if (suite.built && program) environment['BONDED_TEST_PROGRAM'] = program;
  if (suite.inMemory && directory) environment['TMPDIR'] = directory;
  if (suite.postgres && options.postgres) environment['BONDED_TEST_POSTGRES'] = options.postgres;
  else delete environment['BONDED_TEST_POSTGRES'];
  // What npm says of this run is not about the commands that a suite starts; how it reaches its registry is.
  for (const name of Object.keys(environment)) {
    if (name.startsWith('npm_') && !name.startsWith('npm_config_')) delete environment[name];
  }
  return environment;
}

function failed(suite: Suite, reason: string): Result {
  return { suite, counts: { ...noCounts, failed: 1 }, seconds: 0, reason, output: '' };
}
