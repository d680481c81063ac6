import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgramConfig } from './config.ts';
import { openPinned } from './pinned-program.ts';
import { openProgram } from './program.double.ts';
import { runProgram } from './run-program.ts';

/** Programs as engines are for Linux; whether one can have no network there is the machine's to say. */
const isLinux = process.platform === 'linux';
const canUnshare =
  isLinux &&
  existsSync('/usr/bin/unshare') &&
  Bun.spawnSync(['/usr/bin/unshare', '--user', '--map-current-user', '--net', '--', '/bin/true']).exitCode === 0;

async function run(
  script: string,
  more: Partial<ProgramConfig> = {},
  { signal = AbortSignal.timeout(60_000), args = [] as string[] } = {},
): Promise<string> {
  await using program = await openProgram(script);
  return await runProgram(
    { ...program.config, ...more },
    { arguments: args, environment: { GIVEN: 'yes' }, directory: program.directory, signal },
  );
}

const failureOf = (running: Promise<string>): Promise<Error> =>
  running.then(
    (text) => Promise.reject(new Error(`it printed ${text}`)),
    (error: Error) => error,
  );

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 45_000; Date.now() < end; await Bun.sleep(20)) if (await condition()) return;
  throw new Error('it did not happen within 45 s');
}

/** A process that is there, and no zombie. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  return stat !== undefined && !/\) Z /.test(stat);
}

describe.skipIf(!isLinux)('a pinned program', () => {
  test('is given its arguments, and nothing of an environment but what bounds it', async () => {
    process.env['BONDED_TEST_SECRET'] = 'seen';
    const text = await run('printf "%s\\n" "$@"; env | sort; pwd', {}, { args: ['one', 'two words'] });
    const lines = text.trim().split('\n');
    expect(lines.slice(0, 2)).toEqual(['one', 'two words']);
    const names = lines.filter((one) => one.includes('=')).map((one) => one.slice(0, one.indexOf('=')));
    // The shell itself sets the last three.
    expect(names.toSorted()).toEqual(['GIVEN', 'GOMAXPROCS', 'GOMEMLIMIT', 'HOME', 'PWD', 'SHLVL', 'TMPDIR', '_']);
    expect(text).not.toContain('seen');
    delete process.env['BONDED_TEST_SECRET'];
  });

  test('whose hash is another is not started', async () => {
    await using program = await openProgram('touch started; echo fine');
    const start = () =>
      runProgram(program.config, {
        arguments: [],
        environment: {},
        directory: program.directory,
        signal: AbortSignal.timeout(60_000),
      });
    await writeFile(program.config.path, '#!/bin/bash\ntouch swapped\n');
    const error = await failureOf(start());
    expect(error.name).toBe('EngineError');
    expect(error.message).toBe('the program is not the one that is pinned: its SHA-256 is another');
    expect(existsSync(join(program.directory, 'swapped'))).toBe(false);
    await rm(program.config.path);
    expect((await failureOf(start())).message).toBe('the program cannot be read');
  });

  test('that is swapped behind its name after it was hashed is not what is started', async () => {
    await using program = await openProgram('echo the pinned one');
    const { path, sha256 } = program.config;
    await using pinned = await openPinned(path, sha256, AbortSignal.timeout(60_000));
    const other = join(program.directory, 'other');
    await writeFile(other, '#!/bin/bash\necho another\n');
    await chmod(other, 0o755);
    await rename(other, path);
    const child = Bun.spawn(['/proc/self/fd/3'], { env: {}, stdio: ['ignore', 'pipe', 'pipe', pinned.fd] });
    expect(await new Response(child.stdout as ReadableStream).text()).toBe('the pinned one\n');
    await child.exited;
  });

  test('that is written to after it was hashed is told from what was hashed', async () => {
    await using program = await openProgram('echo fine');
    await using pinned = await openPinned(program.config.path, program.config.sha256, AbortSignal.timeout(60_000));
    await pinned.requireUnchanged();
    await writeFile(program.config.path, await readFile(program.config.path));
    await expect(pinned.requireUnchanged()).rejects.toThrow('was changed while it was started');
  });

  test('that hangs, or ignores being told to end, is ended with all that it has started', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bonded-program-'));
    const file = join(directory, 'pids');
    const script = `trap '' TERM INT; sleep 1000 & echo "$$ $!" > ${file}.new; mv ${file}.new ${file}; wait; sleep 1000`;
    const abort = new AbortController();
    const running = failureOf(run(script, {}, { signal: abort.signal }));
    await until(() => existsSync(file));
    const pids = (await readFile(file, 'utf8')).trim().split(' ').map(Number);
    expect(pids).toHaveLength(2);
    abort.abort(new Error('the time is over'));
    expect((await running).message).toBe('the time is over');
    for (const pid of pids) await until(async () => !(await isAlive(pid)));
    await rm(directory, { recursive: true });
  });

  test('that has started something in a session of its own, which holds its output open, is ended with it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bonded-program-'));
    const file = join(directory, 'pid');
    const inner = `echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 1000`;
    const abort = new AbortController();
    const running = failureOf(run(`setsid bash -c '${inner}' & sleep 1000`, {}, { signal: abort.signal }));
    await until(() => existsSync(file));
    const pid = Number(await readFile(file, 'utf8'));
    abort.abort(new Error('the time is over'));
    expect((await running).message).toBe('the time is over');
    await until(async () => !(await isAlive(pid)));
    await rm(directory, { recursive: true });
  });

  test('that ends while what it has started holds its output open is waited for no longer than it may take', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'bonded-program-'));
    const file = join(directory, 'pid');
    // In a session of its own, and nobody's child by then: nobody finds it.
    const inner = `echo $$ > ${file}.new; mv ${file}.new ${file}; exec sleep 1000`;
    const abort = new AbortController();
    const running = failureOf(
      run(`(setsid bash -c '${inner}' &); while [ ! -e ${file} ]; do sleep 0.02; done`, {}, { signal: abort.signal }),
    );
    await until(() => existsSync(file));
    const pid = Number(await readFile(file, 'utf8'));
    try {
      abort.abort(new Error('the time is over'));
      expect((await running).message).toBe('the time is over');
    } finally {
      process.kill(pid, 'SIGKILL');
      await rm(directory, { recursive: true });
    }
    expect(await run('sleep 1000 & echo fine')).toBe('fine\n');
  });

  test('that leaves something running behind is ended with it', async () => {
    const pid = Number(await run('sleep 1000 >/dev/null 2>&1 & echo $!'));
    expect(pid).toBeGreaterThan(1);
    await until(async () => !(await isAlive(pid)));
  });

  test('that prints without end is ended', async () => {
    const error = await failureOf(run('while :; do printf "%01000d" 0; done'));
    expect(error.message).toBe('the program printed more than 1048576 bytes');
  });

  test('that complains without end is heard in part', async () => {
    const error = await failureOf(
      run('for i in {1..2000}; do printf "%01000d\\n" 0 >&2; done; echo "at the end" >&2; exit 3'),
    );
    expect(error.message).toBe('the program ended with code 3: at the end');
    expect((error.cause as Error).message.length).toBeLessThanOrEqual(4096);
  });

  test('that takes too much memory is ended', async () => {
    const script =
      'text=x; while :; do text="$text$text"; if ((${#text} > 100000000)); then text2="$text$text2"; fi; done';
    const error = await failureOf(run(script, { memory: 200 * 1024 * 1024 }));
    expect(error.message).toMatch(/took more than 209715200 bytes of memory/);
  });

  test('that crashes says how, without the paths of the machine', async () => {
    expect((await failureOf(run('echo "cannot open /srv/secret/place/db: no" >&2; exit 2'))).message).toBe(
      'the program ended with code 2: cannot open …: no',
    );
    expect((await failureOf(run('kill -SEGV $$'))).message).toContain('ended by SIGSEGV');
    expect((await failureOf(run('exit 1'))).message).toBe('the program ended with code 1: it said nothing');
  });

  test('that is no program is an error as another', async () => {
    await using program = await openProgram('');
    await chmod(program.config.path, 0o644);
    const options = {
      arguments: [],
      environment: {},
      directory: program.directory,
      signal: AbortSignal.timeout(60_000),
    };
    await expect(runProgram(program.config, options)).rejects.toThrow('the program cannot be started');
  });

  test.skipIf(!canUnshare)('has no network unless that is allowed', async () => {
    await using server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('hello') });
    const script = `if (exec 4<>/dev/tcp/127.0.0.1/${server.port}) 2>/dev/null; then echo reached; else echo alone; fi`;
    expect(await run(script, { network: true })).toBe('reached\n');
    expect(await run(script, { network: false })).toBe('alone\n');
  });
});
