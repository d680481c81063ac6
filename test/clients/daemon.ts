import { toolPath } from './command.ts';

export interface Daemon extends AsyncDisposable {
  /** The end of what it wrote. */
  log(): Promise<string>;
}

const readyWithinMs = 20_000;

/** Starts a daemon of a client, waits until `ready` resolves, and ends it when disposed of. */
export async function startDaemon(
  command: readonly string[],
  environment: Record<string, string>,
  logFile: string,
  ready: () => Promise<unknown>,
): Promise<Daemon> {
  const log = Bun.file(logFile);
  const child = Bun.spawn([...command], {
    env: { PATH: toolPath, ...environment },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: log,
  });
  const readLog = async () => (await log.text()).slice(-2000);
  const end = async () => {
    child.kill('SIGTERM');
    await child.exited;
  };
  for (const until = Date.now() + readyWithinMs; ; await Bun.sleep(50)) {
    const isReady = await ready().then(
      () => true,
      () => false,
    );
    if (isReady) return { log: readLog, [Symbol.asyncDispose]: end };
    if (Date.now() > until || child.exitCode !== null) {
      await end();
      throw new Error(`${command[0]} did not start:\n${await readLog()}`);
    }
  }
}
