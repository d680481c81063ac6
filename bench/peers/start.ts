import { mkdirSync } from 'node:fs';
import type { Subprocess } from 'bun';
import { knownServer } from '../../test/support/credentials.ts';
import { type PeerName, serverOf } from './contenders.ts';
import type { Server } from './server.ts';

/** A server that runs. */
export interface Peer {
  /** Such as `http://127.0.0.1:40123`. */
  url: string;
  port: number;
  pid: number;
  /** Where it keeps what it has. */
  directory: string;
  /** Ends it as told and waits until it is gone. */
  stop(): Promise<void>;
}

interface Launched {
  port: number;
  child: Subprocess;
  stop(): Promise<void>;
}

const startsWithinMs = 20_000;

export async function startPeer(name: PeerName, directory: string): Promise<Peer> {
  return startServer(serverOf(name), directory);
}

/** Starts one and resolves when it accepts connections. */
export async function startServer(server: Server, directory: string): Promise<Peer> {
  const { port, child } = launchServer(server, directory);
  const until = Date.now() + startsWithinMs;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > until) {
      child.kill('SIGKILL');
      throw new Error(`${server.title} did not start; with BONDED_BENCH_LOG=1 it says why`);
    }
    await Bun.sleep(5);
  }
  return { directory, port, url: `http://127.0.0.1:${port}`, pid: child.pid, stop: () => stop(child) };
}

/** Starts one and returns at once: for whoever measures how long that takes. */
export function launch(name: PeerName, directory: string): Launched {
  return launchServer(serverOf(name), directory);
}

function launchServer(server: Server, directory: string): Launched {
  const program = server.program();
  if (program === null) throw new Error(`${server.title} is not installed`);
  mkdirSync(directory, { recursive: true });
  const port = freePort();
  if (server.asksWhoCalls) knownServer(`http://127.0.0.1:${port}`, directory);
  const { PATH = '', HOME = '' } = process.env;
  const shown = process.env['BONDED_BENCH_LOG'] ? 'inherit' : 'ignore';
  const child = Bun.spawn(server.command(program, directory, port), {
    // Distribution 3 would look for a collector of traces.
    env: { PATH, HOME, OTEL_TRACES_EXPORTER: 'none' },
    stdio: ['ignore', server.keepsLog ? Bun.file(`${directory}.log`) : shown, shown],
  });
  running.add(child);
  void child.exited.then(() => running.delete(child));
  return { port, child, stop: () => stop(child) };
}

const running = new Set<Subprocess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

async function stop(child: Subprocess): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 5000);
  await child.exited;
  clearTimeout(late);
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
