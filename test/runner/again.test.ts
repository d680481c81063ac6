import { expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failedFilesIn, tryAgain } from './again.ts';
import type { Result } from './run-suite.ts';
import type { Suite } from './suite.ts';

const failing = (file: string, error = 'error: expect(received).toBe(expected)') =>
  `${file}:\n{"msg":"served"}\n${error}\n(fail) it holds [3.00ms]\n`;

function resultOf(name: string, output: string, changes: Partial<Result> & { kind?: Suite['kind'] } = {}): Result {
  const { kind = 'tests', ...rest } = changes;
  const suite = {
    name,
    shows: '',
    kind,
    files: [],
    file: '',
    minutes: { small: 1, ci: 1, soak: 1 },
  } as unknown as Suite;
  return { suite, counts: { passed: 10, failed: 1, skipped: 0 }, seconds: 1, output, ...rest };
}

const passes = async (first: Result): Promise<Result> => ({
  ...first,
  counts: { passed: 3, failed: 0, skipped: 0 },
  output: '',
});

test('the files of failures are read from the headings above them', () => {
  const output = `${failing('src/a.test.ts')}\nsrc/b.test.ts:\n(pass) fine\n${failing('test/x/c.test.ts')}\nsrc/d.test.ts:\n\n# Unhandled error between tests\n`;
  expect(failedFilesIn(output).files).toEqual(['src/a.test.ts', 'test/x/c.test.ts', 'src/d.test.ts']);
});

test('what fails beside other suites and passes alone counts as passed, and is named as unsteady', async () => {
  const asked: unknown[] = [];
  const first = resultOf('sqlite', failing('src/a.test.ts'));
  const { results, unsteady } = await tryAgain(
    [resultOf('pure', '', { counts: { passed: 5, failed: 0, skipped: 0 } }), first],
    (result, files) => {
      asked.push([result.suite.name, files]);
      return passes(result);
    },
  );
  expect(asked).toEqual([['sqlite', ['src/a.test.ts']]]);
  expect(results.map(({ counts }) => counts.passed)).toEqual([5, 11]);
  expect(results.every(({ counts }) => counts.failed === 0)).toBe(true);
  expect(unsteady).toEqual([first]);
});

test.each<[string, Result]>([
  ['a random test has found a counterexample', resultOf('s', failing('a.test.ts', '{ seed: 12, path: "0:0" }'))],
  ['a storm of kills says its seed', resultOf('s', failing('a.test.ts', 'error: seed 4711, after 3 kills: lost'))],
  ['the suite was ended', resultOf('s', failing('a.test.ts'), { reason: 'was ended after 5 minutes' })],
  ['a script says no files', resultOf('s', failing('a.test.ts'), { kind: 'script' })],
  [
    'more files fail than a busy machine explains',
    resultOf('s', Array.from({ length: 7 }, (_, n) => failing(`${n}.test.ts`)).join('')),
  ],
])('nothing is tried again where %s', async (_, first) => {
  const { results, unsteady } = await tryAgain([first], () => {
    throw new Error('tried again');
  });
  expect([results, unsteady]).toEqual([[first], []]);
});

test.each<[string, Partial<Result>]>([
  ['fails again', { counts: { passed: 2, failed: 1, skipped: 0 } }],
  ['leaves processes behind', { reason: 'left processes running' }],
  ['runs nothing', { counts: { passed: 0, failed: 0, skipped: 0 } }],
])('what %s has failed', async (_, changes) => {
  const first = resultOf('sqlite', failing('src/a.test.ts'));
  const { results, unsteady } = await tryAgain([first], async (result) => ({ ...(await passes(result)), ...changes }));
  expect([results, unsteady]).toEqual([[first], []]);
});

test('a whole run with a test that passes the second time is green, and says so at its end', async () => {
  const root = await mkdtemp(join(tmpdir(), 'bonded-again-'));
  try {
    const text = `import { expect, test } from 'bun:test';
      import { existsSync, writeFileSync } from 'node:fs';
      test('once', () => {
        const marker = import.meta.dir + '/' + process.env.WHICH;
        const was = existsSync(marker);
        writeFileSync(marker, '');
        expect(was).toBe(true);
      });`;
    await Bun.write(join(root, 'it.test.ts'), text);
    await Bun.write(join(root, 'other.test.ts'), `import { test } from 'bun:test'; test('is fine', () => {});`);
    const suite = {
      name: 'some',
      shows: '',
      kind: 'tests',
      files: ['*.test.ts'],
      minutes: { small: 1, ci: 1, soak: 1 },
      environment: { soak: { WHICH: 'soak' }, small: { WHICH: 'small' } },
    };
    const entry = `import { runAll } from ${JSON.stringify(join(import.meta.dir, 'run-all.ts'))};
      process.exitCode = await runAll([${JSON.stringify(suite)}], { root: ${JSON.stringify(root)}, names: [],
        profile: process.argv[2], ci: false, freshClone: false, mayNotSkip: true, live: false });`;
    await Bun.write(join(root, 'entry.ts'), entry);
    const run = (profile: string) => {
      const { exitCode, stdout } = Bun.spawnSync([process.execPath, join(root, 'entry.ts'), profile]);
      return { exitCode, lines: stdout.toString().trimEnd().split('\n') };
    };
    const small = run('small');
    expect(small.lines).toContain('some once more: it.test.ts');
    expect(small.lines.at(-2)).toMatch(/^unsteady in some: once \[.*error: expect\(received\)/);
    expect([small.exitCode, small.lines.at(-1)]).toEqual([0, '2 passed, 0 failed, 0 skipped']);
    // Whoever soaks wants to know what fails once in a thousand times.
    const soak = run('soak');
    expect([soak.exitCode, soak.lines.at(-1)]).toEqual([1, '1 passed, 1 failed, 0 skipped']);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
