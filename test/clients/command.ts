import { homedir } from 'node:os';
import { join } from 'node:path';

export interface Output {
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  environment: Record<string, string>;
  cwd?: string;
  /** Written to standard input. */
  input?: string | Uint8Array;
  limitMs?: number;
}

const defaultLimitMs = 120_000;

/** PATH, and where CI keeps the tools that it builds. */
export const toolPath = [
  process.env['PATH'] ?? '',
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bonded-ci', 'bin'),
].join(':');

export function hasTool(name: string): boolean {
  return Bun.which(name, { PATH: toolPath }) !== null;
}

/** Runs a command to its end. Throws with what it wrote when it fails or takes longer than its limit. */
export async function run([program, ...args]: readonly string[], options: RunOptions): Promise<Output> {
  const path = Bun.which(program!, { PATH: toolPath });
  if (path === null) throw new Error(`${program} is not installed`);
  const limitMs = options.limitMs ?? defaultLimitMs;
  const child = Bun.spawn([path, ...args], {
    env: { PATH: toolPath, ...options.environment },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdin: options.input === undefined ? 'ignore' : Buffer.from(options.input),
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const code = await child.exited;
  if (code !== 0) {
    const how =
      child.signalCode === 'SIGKILL' ? `was killed after ${limitMs / 1000} s at most` : `ended with code ${code}`;
    throw new Error(`${[program, ...args].join(' ')} ${how}:\n${tail(stdout)}${tail(stderr)}`);
  }
  return { stdout, stderr };
}

/** Runs a command that must fail; resolves with what it wrote. */
export async function runFailing(command: readonly string[], options: RunOptions): Promise<string> {
  const outcome = await run(command, options).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (outcome === undefined) throw new Error(`${command.join(' ')} succeeded, though it should fail`);
  return outcome;
}

function tail(text: string): string {
  return text.length <= 3000 ? text : `…${text.slice(-3000)}`;
}
