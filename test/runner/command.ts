import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Ended {
  /** Both output streams, as they came. */
  output: string;
  code: number | null;
  signal: string | null;
  timedOut: boolean;
  /** Whether the command left processes of its group running; they were killed. */
  leftovers: boolean;
  seconds: number;
}

const termGraceMs = 10_000;
const leftoverGraceMs = 3000;
const streamGraceMs = 2000;
const running = new Set<ChildProcess>();

/** Runs a command in a process group of its own, which ends with it, or with its time. */
export async function runCommand(
  [program, ...args]: readonly string[],
  options: { cwd: string; environment: Record<string, string | undefined>; limitMs: number; live: boolean },
): Promise<Ended> {
  const started = performance.now();
  const child = spawn(program!, args, {
    cwd: options.cwd,
    env: options.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running.add(child);
  const chunks: string[] = [];
  const decoders = [new TextDecoder(), new TextDecoder()];
  for (const [at, stream] of [child.stdout, child.stderr].entries()) {
    stream.on('data', (data: Uint8Array) => {
      chunks.push(decoders[at]!.decode(data, { stream: true }));
      if (options.live) process.stdout.write(data);
    });
  }
  const closed = new Promise((resolve) => child.on('close', resolve));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void endGroup(child);
  }, options.limitMs);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('error', (error) => {
      chunks.push(`${error.message}\n`);
      resolve([127, null]);
    });
    child.on('exit', (...ended) => resolve(ended));
  });
  clearTimeout(timer);
  const leftovers = !(await emptiesItself(child));
  if (leftovers) {
    signalGroup(child, 'SIGKILL');
    await emptiesItself(child);
  }
  running.delete(child);
  // The end of the streams, unless a process that left the group still holds them.
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, streamGraceMs).unref())]);
  const seconds = (performance.now() - started) / 1000;
  return { output: chunks.join(''), code, signal, timedOut, leftovers, seconds };
}

/** Ends whatever runs, for a runner that is told to stop. */
export async function endAll(): Promise<void> {
  await Promise.all([...running].map(endGroup));
}

async function endGroup(child: ChildProcess): Promise<void> {
  signalGroup(child, 'SIGTERM');
  const until = Date.now() + termGraceMs;
  while (Date.now() < until && groupLives(child)) await Bun.sleep(50);
  signalGroup(child, 'SIGKILL');
}

async function emptiesItself(child: ChildProcess): Promise<boolean> {
  const until = Date.now() + leftoverGraceMs;
  while (groupLives(child)) {
    if (Date.now() > until) return false;
    await Bun.sleep(50);
  }
  return true;
}

function groupLives(child: ChildProcess): boolean {
  return signalGroup(child, 0) && (process.platform !== 'linux' || membersOf(child.pid!) > 0);
}

/** Processes of a group, but for the dead ones that nobody waited for: in a container process 1 may never do so. */
function membersOf(group: number): number {
  let members = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(pgrp) === group && state !== 'Z') members++;
    } catch {
      // It ended while we looked.
    }
  }
  return members;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
