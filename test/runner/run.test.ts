import { afterAll, beforeAll, expect, test } from 'bun:test';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suites } from '../suites.ts';
import { chooseSuites, type Situation } from './choose.ts';
import { readBunSummary, readCountLine } from './counts.ts';
import { runInLanes } from './lanes.ts';
import { failuresIn } from './failures.ts';
import { describeResult } from './report.ts';
import { filesOf, type RunOptions, runSuite } from './run-suite.ts';
import type { Suite } from './suite.ts';
import { createSupplies } from './supplies.ts';

const repository = join(import.meta.dir, '..', '..');
const minutes = { small: 1, ci: 1, soak: 1 };
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'bonded-runner-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Runs a script that is written here as a suite of its own. */
async function runScript(text: string, changes: Partial<Suite> = {}, options: Partial<RunOptions> = {}) {
  await Bun.write(join(root, 'script.sh'), text);
  const suite = { name: 'script', shows: '', kind: 'script', file: 'script.sh', minutes, ...changes } as Suite;
  return runSuite(suite, {
    root,
    profile: 'small',
    postgres: undefined,
    live: false,
    logs: root,
    environment: process.env,
    ...options,
  });
}

async function runTests(text: string) {
  await Bun.write(join(root, 'it.test.ts'), `import { expect, test } from 'bun:test';\n${text}`);
  const suite: Suite = { name: 'tests', shows: '', kind: 'tests', files: ['it.test.ts'], minutes };
  return runSuite(suite, {
    root,
    profile: 'small',
    postgres: undefined,
    live: false,
    logs: root,
    environment: process.env,
  });
}

async function lives(pid: number): Promise<boolean> {
  const stat = await Bun.file(`/proc/${pid}/stat`)
    .text()
    .catch(() => '0 (gone) Z');
  return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
}

test('every file of tests in the repository belongs to a suite', async () => {
  const covered = new Set<string>();
  for (const suite of suites) {
    if (suite.kind === 'tests') for (const path of await filesOf(suite, repository)) covered.add(path);
  }
  // `check` runs this one.
  covered.add('test/architecture.test.ts');
  const all = [...new Bun.Glob('{src,test,tools,bench}/**/*.test.{ts,tsx}').scanSync(repository)];
  expect(all.filter((path) => !covered.has(path))).toEqual([]);
});

test('every number of runs that a test reads is set by its suite, or CI would run the few of a quick look', async () => {
  for (const suite of suites) {
    if (suite.kind !== 'tests') continue;
    for (const path of await filesOf(suite, repository)) {
      const text = await Bun.file(join(repository, path)).text();
      for (const [, name] of text.matchAll(/Number\(process\.env(?:\.|\[')(BONDED_TEST_\w+)/g)) {
        if (name === 'BONDED_TEST_SEED') continue;
        for (const profile of ['ci', 'soak'] as const) {
          expect(Object.keys(suite.environment?.[profile] ?? {}), `${name} of ${path} in ${profile}`).toContain(name!);
        }
      }
    }
  }
});

test('what leaves out tests where something is missing runs on a machine that has little, too', async () => {
  const asks = /\btestdata\(|\bBun\.which\b|\bfindPostgres\b|\bskipIf\b|\btest\.skip\b/;
  for (const suite of suites) {
    if (suite.kind !== 'tests' || !suite.inFreshClone) continue;
    const there = await filesOf(suite, repository, true);
    expect(there.length).toBeGreaterThan(0);
    const left = (await filesOf(suite, repository)).filter((path) => !there.includes(path));
    for (const path of left) {
      expect(asks.test(await Bun.file(join(repository, path)).text()), `${path} of ${suite.name}`).toBe(false);
    }
  }
});

test('names of suites are unique', () => {
  expect(new Set(suites.map((suite) => suite.name)).size).toBe(suites.length);
});

test('a script is counted by its last line', async () => {
  expect((await runScript('echo work; echo "3 passed, 0 failed, 1 skipped"')).counts).toEqual({
    passed: 3,
    failed: 0,
    skipped: 1,
  });
  expect((await runScript('echo "3 passed, 2 failed, 0 skipped"; exit 1')).counts.failed).toBe(2);
});

test('a script that crashes, says nothing, or contradicts itself has failed', async () => {
  for (const [text, reason] of [
    ['echo half', 'ended with code 0 and without its counts'],
    ['exit 3', 'ended with code 3 and without its counts'],
    ['echo "1 passed, 0 failed, 0 skipped"; echo after', 'ended with code 0 and without its counts'],
    ['echo "0 passed, 0 failed, 0 skipped"', 'ran no test'],
    ['echo "2 passed, 0 failed, 0 skipped"; exit 1', 'ended with code 1 though no test failed'],
    ['echo "2 passed, 1 failed, 0 skipped"', 'ended with code 0 though tests failed'],
    ['kill -9 $$', 'was ended by SIGKILL'],
  ] as const) {
    const result = await runScript(text);
    expect(result.reason).toBe(reason);
    expect(result.counts.failed).toBeGreaterThan(0);
  }
  expect((await runScript('', { kind: 'script', file: 'missing.sh' })).counts.failed).toBe(1);
});

test('a suite that takes too long is ended with everything that it started', async () => {
  const limits = { ...minutes, small: 1 / 60 };
  const result = await runScript('sleep 71 & echo $!; sleep 72', { minutes: limits });
  expect(result.reason).toContain('was ended after');
  expect(await lives(Number(result.output.trim()))).toBe(false);
});

test('a suite that leaves processes behind has failed, and they are ended', async () => {
  const result = await runScript('sleep 73 >/dev/null 2>&1 & echo $!; echo "1 passed, 0 failed, 0 skipped"');
  expect(result.reason).toBe('left processes running');
  expect(await lives(Number(result.output.split('\n')[0]))).toBe(false);
});

test('bun tests are counted by their summary', async () => {
  const { counts, reason } = await runTests(`test('a', () => {}); test('b', () => {}); test.skip('c', () => {});`);
  expect({ counts, reason }).toEqual({ counts: { passed: 2, failed: 0, skipped: 1 }, reason: undefined });
  expect((await runTests(`test('a', () => {}); test('b', () => expect(1).toBe(2));`)).counts).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
  });
});

test('bun tests that break outside of a test, crash, or do not exist have failed', async () => {
  expect((await runTests(`test('a', () => {}); throw new Error('x');`)).counts.failed).toBe(1);
  expect((await runTests(`test('a', () => { process.kill(process.pid, 'SIGKILL'); });`)).reason).toBe(
    'was ended by SIGKILL',
  );
  expect((await runTests(`test('a', () => { process.exit(0); });`)).counts.failed).toBe(1);
  expect((await runTests('')).counts.failed).toBe(1);
  const none: Suite = { name: 'none', shows: '', kind: 'tests', files: ['nothing/*.test.ts'], minutes };
  expect(
    (await runSuite(none, { root, profile: 'small', postgres: undefined, live: false, logs: root, environment: {} }))
      .counts.failed,
  ).toBe(1);
});

test('the profile sets the number of runs, and PostgreSQL is told only to those who use it', async () => {
  const text = 'echo "$RUNS|$BONDED_TEST_POSTGRES|$npm_command"; echo "1 passed, 0 failed, 0 skipped"';
  const environment = { PATH: process.env['PATH'], BONDED_TEST_POSTGRES: 'left over', npm_command: 'test' };
  const said = async (changes: Partial<Suite>, options: Partial<RunOptions>) =>
    (
      await runScript(text, { environment: { ci: { RUNS: '9' } }, ...changes }, { environment, ...options })
    ).output.split('\n')[0];
  expect(await said({}, { postgres: 'postgres://x' })).toBe('||');
  expect(await said({ postgres: 'offered' }, { postgres: 'postgres://x', profile: 'ci' })).toBe('9|postgres://x|');
});

test('the built program and the directory in memory are told to those alone that want them', async () => {
  const text = 'echo "$BONDED_TEST_PROGRAM|$TMPDIR"; echo "1 passed, 0 failed, 0 skipped"';
  const environment = { PATH: process.env['PATH'], BONDED_TEST_PROGRAM: 'left over' };
  const supplies = { program: '/built', directory: '/memory' };
  const said = async (changes: Partial<Suite>, given: RunOptions['supplies'] = supplies) =>
    (await runScript(text, changes, { environment, ...(given && { supplies: given }) })).output.split('\n')[0];
  expect(await said({ built: true, inMemory: true })).toBe('/built|/memory');
  expect(await said({ built: true })).toBe('/built|');
  expect(await said({ inMemory: true }, { program: '/built', directory: undefined })).toBe('|');
  expect(await said({})).toBe('|');
});

test('what is supplied is made once, is open to other users as far as they need, and is gone in the end', async () => {
  const supplies = createSupplies(repository, root);
  const directory = supplies.directory();
  expect(supplies.directory()).toBe(directory);
  if (directory) {
    expect(directory).toStartWith('/dev/shm/');
    expect(statSync(directory).mode & 0o777).toBe(0o711);
  }
  const program = await supplies.program();
  expect(await supplies.program()).toBe(program);
  const child = Bun.spawn([program, '--version'], { stdout: 'pipe' });
  expect(await new Response(child.stdout).text()).toMatch(/^\d+\.\d+\.\d+\n$/);
  supplies[Symbol.dispose]();
  for (const gone of [program, directory ?? program]) expect(existsSync(gone)).toBe(false);
});

test('suites are skipped for what is missing, and by name only those run', () => {
  const list: Suite[] = [
    { name: 'a', shows: '', kind: 'script', file: 'a.ts', minutes, inFreshClone: true },
    { name: 'b', shows: '', kind: 'script', file: 'b.ts', minutes, needs: ['sh', 'strace'] },
    { name: 'c', shows: '', kind: 'script', file: 'c.ts', minutes, postgres: 'needed' },
    { name: 'd', shows: '', kind: 'script', file: 'd.ts', minutes, onlyInCi: true },
  ];
  const choose = (changes: Partial<Situation>) =>
    chooseSuites(list, {
      names: [],
      ci: false,
      freshClone: false,
      hasProgram: (name) => name === 'sh',
      hasPostgres: () => false,
      ...changes,
    }).map(({ suite, skipped }) => `${suite.name}: ${skipped ?? 'runs'}`);
  expect(choose({})).toEqual([
    'a: runs',
    'b: strace not found',
    'c: PostgreSQL not found',
    'd: only in CI, or as npm test -- d',
  ]);
  expect(choose({ ci: true, hasProgram: () => true, hasPostgres: () => true })).toEqual([
    'a: runs',
    'b: runs',
    'c: runs',
    'd: runs',
  ]);
  expect(choose({ names: ['d'] })).toEqual(['d: runs']);
  expect(choose({ freshClone: true, ci: true })).toEqual([
    'a: runs',
    ...['b', 'c', 'd'].map((name) => `${name}: left to the run that made this clone`),
  ]);
  expect(() => choose({ names: ['e'] })).toThrow('there is no suite e');
});

test('a run ends with its count line, and fails where skipping is forbidden', async () => {
  const entry = `
    import { runAll } from ${JSON.stringify(join(import.meta.dir, 'run-all.ts'))};
    const suite = (name, extra) => ({ name, shows: '', kind: 'script', file: name + '.sh', minutes: ${JSON.stringify(minutes)}, ...extra });
    process.exitCode = await runAll([suite('good'), suite('tooless', { needs: ['no-such-program'] })], {
      root: ${JSON.stringify(root)}, names: process.argv.slice(3), profile: 'small', ci: false, freshClone: false,
      mayNotSkip: process.argv[2] === 'strict', live: false });`;
  await Bun.write(join(root, 'entry.ts'), entry);
  await Bun.write(join(root, 'good.sh'), 'echo secret detail; echo "5 passed, 0 failed, 0 skipped"');
  const run = (...args: string[]) => Bun.spawnSync([process.execPath, join(root, 'entry.ts'), ...args]);
  const last = (text: Buffer) => text.toString().trimEnd().split('\n').at(-1);

  const lenient = run('lenient');
  expect(lenient.stdout.toString()).toContain('tooless         skipped: no-such-program not found');
  expect(lenient.stdout.toString()).not.toContain('secret detail');
  expect([lenient.exitCode, last(lenient.stdout)]).toEqual([0, '5 passed, 0 failed, 1 skipped']);
  expect(run('strict').exitCode).toBe(1);
  expect(run('strict', 'good').exitCode).toBe(0);
  await Bun.write(join(root, 'good.sh'), 'echo secret detail; echo "4 passed, 1 failed, 0 skipped"; exit 1');
  const broken = run('lenient');
  expect(broken.stdout.toString()).toContain('  secret detail');
  expect([broken.exitCode, last(broken.stdout)]).toEqual([1, '4 passed, 1 failed, 1 skipped']);
});

test('so many suites run at a time, in their order, and one that measures has the machine for itself', async () => {
  const ends: Record<string, () => void> = {};
  const events: string[] = [];
  const all = runInLanes(['a', 'b', 'c', 'ALONE', 'd', 'e'], {
    lanes: 2,
    alone: (name) => name === 'ALONE',
    async run(name) {
      events.push(`${name} began`);
      await new Promise<void>((resolve) => (ends[name] = resolve));
      events.push(`${name} ended`);
    },
  });
  const end = async (name: string) => {
    ends[name]!();
    await Bun.sleep(0);
    return events.splice(0).join(', ');
  };
  await Bun.sleep(0);
  expect(events.splice(0)).toEqual(['a began', 'b began']);
  expect(await end('b')).toBe('b ended, c began');
  expect(await end('a')).toBe('a ended');
  expect(await end('c')).toBe('c ended, ALONE began');
  expect(await end('ALONE')).toBe('ALONE ended, d began, e began');
  await end('d');
  await end('e');
  await all;
  let ended = false;
  const failing = runInLanes(['bad', 'good', 'never'], {
    lanes: 2,
    alone: () => false,
    async run(name) {
      if (name === 'bad') throw new Error('broken');
      expect(name).toBe('good');
      await Bun.sleep(20);
      ended = true;
    },
  });
  await expect(failing).rejects.toThrow('broken');
  expect(ended).toBe(true);
});

test('counts are read only from what is a count', () => {
  expect(readCountLine('1 passed, 2 failed, 3 skipped\n\n')).toEqual({ passed: 1, failed: 2, skipped: 3 });
  expect(readCountLine('x 1 passed, 2 failed, 3 skipped')).toBeUndefined();
  expect(
    readBunSummary(' 3 pass\n 1 skip\n 2 todo\n 0 fail\n 9 expect() calls\nRan 6 tests across 1 file. [1ms]'),
  ).toEqual({ passed: 3, failed: 0, skipped: 3 });
  expect(readBunSummary(' 3 pass\n 0 fail')).toBeUndefined();
});

test('what failed is found in the output of tests and scripts, with its error', () => {
  const output = [
    'src/a.test.ts:',
    '5 |   if (result.failed) throw new Error(text, { cause });',
    '               ^',
    'error: Property failed after 1 tests',
    '{ seed: -982678084, path: "0:0" }',
    `Counterexample: ${'x'.repeat(500)}`,
    '      at <anonymous> (src/a.test.ts:5:3)',
    '',
    'error: expect(received).toBe(expected)',
    'Expected: 2',
    '      at <anonymous> (src/a.test.ts:4:3)',
    '(fail) a > b [3.00ms]',
    'error: logged by what passed',
    '(pass) c',
    '        TypeError: x is not a function',
    '        (fail) within another [1ms]',
    '  FAIL  npm test passes (3 s)',
    '(fail) a > b [3.00ms]',
    ' 1 fail',
  ].join('\n');
  expect(failuresIn(output)).toEqual([
    [
      'a > b [3.00ms]',
      'error: Property failed after 1 tests',
      '{ seed: -982678084, path: "0:0" }',
      `Counterexample: ${'x'.repeat(144)}`,
      'error: expect(received).toBe(expected)',
      'Expected: 2',
    ].join(' | '),
    'within another [1ms] | TypeError: x is not a function',
    'npm test passes (3 s)',
  ]);
  const many = failuresIn(Array.from({ length: 100 }, (_, n) => `(fail) ${n}${'x'.repeat(500)}`).join('\n'));
  expect([many.length, many.at(-1), Math.max(...many.map(({ length }) => length))]).toEqual([
    21,
    '… and 80 others',
    240,
  ]);
});

test('long output of a failed suite is cut at its beginning', () => {
  const [suite] = suites;
  const output = Array.from({ length: 400 }, (_, i) => `line ${i}.`).join('\n');
  const text = describeResult(
    { suite: suite!, counts: { passed: 0, failed: 1, skipped: 0 }, seconds: 1, output },
    false,
    'x.log',
  );
  expect(text).toContain('100 lines before these are in x.log');
  expect(text).not.toContain('line 99.');
  expect(text).toContain('line 399.');
});

test.each(['run.ts', 'soak.ts', 'clients/run.ts', 'conformance/run.ts', '../bench/run.ts'])(
  '%s has a manual, and answers what it does not know with a line',
  async (script) => {
    const run = (option: string) => {
      const file = join(repository, 'test', script);
      return Bun.spawn([process.execPath, file, option], { stdout: 'pipe', stderr: 'pipe' });
    };
    const help = run('--help');
    expect(await new Response(help.stdout).text()).toMatch(/^npm (?:run|test)[^]*`N passed, N failed, N skipped`/);
    expect(await help.exited).toBe(0);
    const wrong = run('--nonsense');
    expect(await new Response(wrong.stderr).text()).toBe("Unknown option '--nonsense'; --help lists what there is\n");
    expect(await wrong.exited).toBe(2);
  },
);
