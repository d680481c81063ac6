/** How long a shell may take to show something (ms): the machine may be busy. */
const patienceMs = 60_000;

/** A program at a terminal of its own, with what it has written so far. */
export function openTerminal(command: readonly string[], env: Record<string, string>, cwd: string) {
  let written = '';
  let wake = Promise.withResolvers<void>();
  const child = Bun.spawn([...command], {
    env,
    cwd,
    terminal: {
      cols: 200,
      rows: 50,
      data(_, chunk) {
        written += Buffer.from(chunk).toString();
        wake.resolve();
        wake = Promise.withResolvers();
      },
    },
  });
  const { terminal } = child;
  if (!terminal) throw new Error('there is no terminal');

  /** Waits until something is there that was not there at the last call; resolves with all that came since. */
  async function sees(pattern: RegExp): Promise<string> {
    const end = Date.now() + patienceMs;
    while (!pattern.test(written)) {
      if (Date.now() > end) throw new Error(`${command[0]} does not show ${pattern}: ${JSON.stringify(written)}`);
      await Promise.race([wake.promise, Bun.sleep(200)]);
    }
    const seen = written;
    written = '';
    return seen;
  }

  return {
    /** Its exit code, once it has ended. */
    exited: child.exited,
    sees,
    async types(keys: string, pattern: RegExp): Promise<string> {
      terminal.write(keys);
      return sees(pattern);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await child.exited;
      terminal.close();
    },
  };
}
