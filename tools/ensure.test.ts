import { afterEach, beforeEach, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bunCandidates } from './find-bun.mjs';

const repository = join(import.meta.dir, '..');
const lockfile = JSON.stringify({
  packages: { '': {}, 'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' } },
});
/** Stands in for npm: writes down that it ran, and installs a record and a Bun. */
const npm = `#!/bin/sh
echo "$@" >> "$CALLS"
sleep \${NPM_SECONDS:-0}
if [ -n "$NPM_FAILS" ]; then echo "npm error network: no route" >&2; exit 7; fi
rm -rf node_modules && mkdir -p node_modules/@oven/NAME/bin node_modules/bun/bin
cp package-lock.json node_modules/.package-lock.json
echo 'exit 1' > node_modules/bun/bin/bun.exe
ln -s "$BUN" node_modules/@oven/NAME/bin/bun
`;

let checkout: string;
let calls: string;
let environment: Record<string, string>;

beforeEach(async () => {
  checkout = await realpath(await mkdtemp(join(tmpdir(), 'bonded-ensure-')));
  calls = join(checkout, 'calls');
  for (const folder of ['tools', 'bin'])
    await cp(join(repository, folder), join(checkout, folder), { recursive: true });
  await mkdir(join(checkout, 'path'));
  await mkdir(join(checkout, 'src'));
  await writeFile(join(checkout, 'package-lock.json'), lockfile);
  const build = bunCandidates(process.platform, process.arch, false, true)[2]!.split('/')[1]!;
  await writeFile(join(checkout, 'path', 'npm'), npm.replaceAll('NAME', build), { mode: 0o755 });
  environment = {
    PATH: `${join(checkout, 'path')}:${process.env.PATH}`,
    CALLS: calls,
    BUN: await realpath(process.execPath),
  };
});

afterEach(async () => {
  await rm(checkout, { recursive: true, force: true });
});

function start(command: string[], env: Record<string, string> = {}, cwd = '/') {
  const child = spawn(command[0]!, command.slice(1), { cwd, env: { ...environment, ...env } });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => (output.stdout += data));
  child.stderr.on('data', (data) => (output.stderr += data));
  const ended = new Promise<typeof output & { code: number | null; signal: string | null }>((resolve) => {
    child.on('close', (code, signal) => resolve({ ...output, code, signal }));
  });
  return { child, output, ended };
}

const ensure = (env?: Record<string, string>, ...args: string[]) =>
  start(['node', join(checkout, 'tools', 'ensure.mjs'), ...args], env).ended;
const installs = async () => (await readFile(calls, 'utf8').catch(() => '')).split('\n').filter(Boolean).length;

test('installs once, finds Bun where install scripts are blocked, and is quiet afterwards', async () => {
  const first = await ensure({}, '--print-bun');
  expect(first).toMatchObject({ code: 0, stderr: 'Installing dependencies (npm ci) ...\n' });
  expect(await realpath(first.stdout.trim())).toBe(environment.BUN!);
  expect(await ensure()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(await installs()).toBe(1);
});

test('installs again when the lockfile changes, not when only its time does', async () => {
  await ensure();
  await writeFile(join(checkout, 'package-lock.json'), lockfile);
  await ensure();
  expect(await installs()).toBe(1);
  await writeFile(join(checkout, 'package-lock.json'), lockfile.replace('1.0.0', '1.0.1'));
  await ensure();
  expect(await installs()).toBe(2);
});

test('leaves alone what npm installed by hand', async () => {
  await ensure();
  await rm(join(checkout, 'node_modules', '.bonded'), { recursive: true });
  await ensure();
  expect(await installs()).toBe(1);
});

test('two at the same time install once', async () => {
  const both = await Promise.all([ensure({ NPM_SECONDS: '1' }), ensure({ NPM_SECONDS: '1' })]);
  expect(both.map((one) => one.code)).toEqual([0, 0]);
  expect(both.map((one) => one.stderr).join('')).toContain('Waiting for another process');
  expect(await installs()).toBe(1);
});

test('takes over the lock of a dead process, and of one whose number is used again', async () => {
  const lock = join(checkout, '.ensure.lock');
  for (const holder of ['{"pid":999999999,"started":"x"}', `{"pid":${process.pid},"started":"earlier boot 1"}`, '']) {
    await rm(join(checkout, 'node_modules'), { recursive: true, force: true });
    await writeFile(lock, holder);
    expect(await ensure()).toMatchObject({ code: 0 });
    expect(await Bun.file(lock).exists()).toBe(false);
  }
  expect(await installs()).toBe(3);
});

test('a failed installation says why and what to do', async () => {
  const { code, stderr } = await ensure({ NPM_FAILS: '1' });
  expect(code).toBe(1);
  expect(stderr).toContain('npm error network: no route');
  expect(stderr).toContain('npm ci failed with code 7');
  expect(stderr).not.toContain('    at ');
});

test('the launcher works through links from anywhere, installs what is missing, and hands its signals to the server', async () => {
  await writeFile(
    join(checkout, 'src', 'main.ts'),
    `process.on('SIGTERM', () => process.exit(7));
     console.log(process.pid, process.cwd(), process.argv.slice(2).join(' '), process.execArgv.at(-1), process.env.BONDED_DATA);
     setInterval(() => {}, 1000);`,
  );
  const away = await realpath(await mkdtemp(join(tmpdir(), 'bonded-away-')));
  await symlink(join(checkout, 'bin', 'bonded'), join(away, 'absolute'));
  await symlink('absolute', join(away, 'relative'));
  // What lies where it is run is not for it: this would run before it, and set its variables.
  await writeFile(join(away, 'bunfig.toml'), 'preload = ["./other.ts"]');
  await writeFile(join(away, 'other.ts'), 'console.log("other code")');
  await writeFile(join(away, '.env'), 'BONDED_DATA=elsewhere');
  const { child, output, ended } = start([join(away, 'relative'), 'serve', '--listen', 'a b'], {}, away);
  while (!output.stdout.includes('\n') && child.exitCode === null) await Bun.sleep(20);
  expect(output.stdout).toBe(`${child.pid} ${away} serve --listen a b --max-http-header-size=65536 undefined\n`);
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 7 });
  await rm(away, { recursive: true });
});

test('run.mjs passes arguments, input, exit code and signals through', async () => {
  const file = join(checkout, 'program.ts');
  await writeFile(file, `console.log(process.argv[2], await Bun.stdin.text()); process.exit(5);`);
  const run = start(['node', join(checkout, 'tools', 'run.mjs'), file, 'x']);
  run.child.stdin.end('typed');
  expect(await run.ended).toMatchObject({ code: 5, stdout: 'x typed\n' });

  await writeFile(
    file,
    `process.on('SIGTERM', () => process.exit(9)); console.log('up'); setInterval(() => {}, 1000);`,
  );
  const long = start(['node', join(checkout, 'tools', 'run.mjs'), file]);
  while (!long.output.stdout.includes('up') && long.child.exitCode === null) await Bun.sleep(20);
  long.child.kill('SIGTERM');
  expect(await long.ended).toMatchObject({ code: 9 });
});

test('prefers the build that fits the processor and the C library', () => {
  expect(bunCandidates('linux', 'x64', true, false).slice(2)).toEqual([
    '@oven/bun-linux-x64-musl-baseline/bin/bun',
    '@oven/bun-linux-x64-musl/bin/bun',
  ]);
  expect(bunCandidates('darwin', 'arm64', false, true).slice(2)).toEqual(['@oven/bun-darwin-aarch64/bin/bun']);
  expect(bunCandidates('linux', 's390x', false, true)).toEqual(['bun/bin/bun.exe', 'bun/bin/bun']);
});
