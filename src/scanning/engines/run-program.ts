import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { readBounded } from '../../memory/index.ts';
import type { ProgramConfig } from './config.ts';
import { EngineError } from './engine.ts';
import { openPinned, programFd } from './pinned-program.ts';
import { line } from './untrusted.ts';

export interface ProgramRun {
  arguments: readonly string[];
  /** All that it has of an environment, beside what bounds it. */
  environment: Readonly<Record<string, string>>;
  /** A private directory: where it works, and what it takes for its home and for temporary files. */
  directory: string;
  signal: AbortSignal;
}

/** How often memory is looked at (ms). */
const watchMs = 50;
/** Processes of a program that are looked at. */
const mostProcesses = 256;
/** Characters of its complaints that are kept for the log. */
const saidLength = 4096;
const itself = `/proc/self/fd/${programFd}`;
const withoutNetwork = ['/usr/bin/unshare', '--user', '--map-current-user', '--net', '--'];

/**
 * Runs a pinned program and resolves with what it prints. It has nothing of this process: no environment, no credentials, no
 * configuration, no network unless that is allowed; it is last in line for the processor, and is ended, with all that it has
 * started, at its limits of time, memory and output. Throws EngineError where it ends otherwise than well.
 */
export async function runProgram(
  config: Pick<ProgramConfig, 'path' | 'sha256' | 'memory' | 'cpus' | 'network' | 'maxReport'>,
  { arguments: args, environment, directory, signal }: ProgramRun,
): Promise<string> {
  const { path, sha256, memory, cpus, network, maxReport } = config;
  if (process.platform !== 'linux') throw new EngineError('programs as engines need Linux', { isFinal: true });
  await using program = await openPinned(path, sha256, signal);
  const limits = { GOMAXPROCS: `${cpus}`, GOMEMLIMIT: `${Math.floor(memory * 0.8)}` };
  const child = start([...(network ? [] : withoutNetwork), itself, ...args], {
    env: { ...environment, ...limits, HOME: directory, TMPDIR: directory },
    cwd: directory,
    program: program.fd,
  });
  let why: string | undefined;
  const { promise: ended, resolve: giveUp } = Promise.withResolvers<void>();
  const end = (reason?: string): void => {
    why ??= reason;
    endAll(child);
    // What has left its group and its parent may hold its output open for ever.
    giveUp();
  };
  // What it leaves behind ends with it, and holds nothing open.
  void child.exited.then(() => endAll(child));
  const abort = (): void => end();
  signal.addEventListener('abort', abort);
  const watch = setInterval(() => {
    if (residentBytes(child.pid) > memory) end(`took more than ${memory} bytes of memory`);
  }, watchMs);
  try {
    standBack(child.pid);
    await program.requireUnchanged();
    // Aborted before there was anything to end.
    signal.throwIfAborted();
    const complaint = { text: '' };
    const heard = Promise.race([firstText(child.stderr, complaint), ended]);
    const printing = readBounded(child.stdout, maxReport, () => end(`printed more than ${maxReport} bytes`));
    const printed = await Promise.race([printing, ended.then(() => '')]);
    const code = await child.exited;
    await heard;
    signal.throwIfAborted();
    const said = new Error(line(complaint.text, saidLength));
    if (why !== undefined) throw new EngineError(`the program ${why}`, { cause: said });
    if (code === 0) return printed;
    const how = child.signalCode ? `by ${child.signalCode}` : `with code ${code}`;
    throw new EngineError(`the program ended ${how}: ${hintOf(complaint.text)}`, { cause: said });
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', abort);
    endAll(child);
  }
}

function start(
  command: readonly string[],
  { env, cwd, program }: { env: Record<string, string>; cwd: string; program: number },
) {
  try {
    // It leads a group of its own, so that what it starts ends with it.
    return Bun.spawn([...command], { env, cwd, stdio: ['ignore', 'pipe', 'pipe', program], detached: true });
  } catch (error) {
    throw new EngineError('the program cannot be started', { cause: error });
  }
}

/** What it printed last, without the paths of this machine. */
function hintOf(said: string): string {
  if (said.startsWith('unshare:'))
    return 'this machine lets it have no network of its own; see the guide to engines (network)';
  const last = said.trim().split('\n').at(-1) ?? '';
  return line(last.replaceAll(/(?:\/[\w.@+-]+){2,}/g, '…'), 200) || 'it said nothing';
}

/** Its group, and what of its descendants has left that. The number of one that has ended may be another's by now. */
function endAll({ pid, exitCode, signalCode }: Pick<Bun.Subprocess, 'pid' | 'exitCode' | 'signalCode'>): void {
  const isThere = exitCode === null && signalCode === null;
  for (const one of [-pid, ...(isThere ? processesOf(pid) : [])]) {
    try {
      process.kill(one, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
}

/** Whoever serves goes first, for the processor, and last where the system runs out of memory. */
function standBack(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
    for (const thread of readdirSync(`/proc/${pid}/task`))
      setPriority(Number(thread), constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already.
  }
}

/** Memory (RSS, bytes) of a process and of all that it has started. */
function residentBytes(pid: number): number {
  return processesOf(pid).reduce((bytes, one) => {
    try {
      const kib = /^VmRSS:\s+([0-9]+) kB/m.exec(readFileSync(`/proc/${one}/status`, 'latin1'))?.[1];
      return bytes + Number(kib ?? 0) * 1024;
    } catch {
      return bytes;
    }
  }, 0);
}

/** A process that is there, and its descendants. */
function processesOf(pid: number): number[] {
  const found: number[] = [];
  const waiting = [pid];
  while (waiting.length > 0 && found.length < mostProcesses) {
    const one = waiting.pop()!;
    try {
      for (const thread of readdirSync(`/proc/${one}/task`)) {
        const children = readFileSync(`/proc/${one}/task/${thread}/children`, 'latin1');
        waiting.push(...children.split(' ').filter(Boolean).map(Number));
      }
      found.push(one);
    } catch {
      // It has ended.
    }
  }
  return found;
}

/** All is read, so that nothing waits for it, and little is kept. */
async function firstText(stream: ReadableStream<Uint8Array>, into: { text: string }): Promise<void> {
  for await (const piece of stream) {
    into.text = (into.text + Buffer.from(piece.subarray(-saidLength)).toString()).slice(-saidLength);
  }
}
