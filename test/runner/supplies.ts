import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';

/** What suites run with in CI, and without elsewhere. */
export interface Supplies {
  /** The built program; undefined where no suite wants it. */
  program: string | undefined;
  /** A directory in memory; undefined where the system has none, or no room in it. */
  directory: string | undefined;
}

const memory = '/dev/shm';
/** What suites may need there at a time (bytes). */
const roomBytes = 4 * 2 ** 30;

/** Makes both when they are first wanted, the program in a folder of `logs`; removes them in the end. */
export function createSupplies(root: string, logs: string) {
  const folder = join(logs, 'program');
  let built: Promise<string> | undefined;
  let directory: string | undefined;
  return {
    program: () => (built ??= build(root, join(folder, 'bonded'))),
    directory: () => (directory ??= hasRoom() ? makeDirectory() : undefined),
    [Symbol.dispose]() {
      rmSync(folder, { recursive: true, force: true });
      if (directory) rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function build(root: string, program: string): Promise<string> {
  const command = [process.execPath, join(root, 'tools', 'build-binary.ts'), program];
  const child = Bun.spawn(command, { stdout: 'ignore', stderr: 'pipe' });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`the program for the tests could not be built: ${complaint}`);
  return program;
}

function makeDirectory(): string {
  const directory = mkdtempSync(join(memory, 'bonded-test-'));
  // PostgreSQL goes through it to a directory of its own, as another user.
  chmodSync(directory, 0o711);
  return directory;
}

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize >= roomBytes;
  } catch {
    return false;
  }
}
