import { mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestProcess, type StartOptions, type TestProcess } from '../support/server.ts';

const separate = ['unshare', '--user', '--map-root-user', '--mount'];

/** Whether a test can have a small disk of its own; without being root it takes user namespaces. */
export const haveSmallDisks =
  process.env['CI'] === 'true' ||
  (process.platform === 'linux' &&
    Bun.spawnSync(['sh', '-c', `exec ${separate.join(' ')} mount -t tmpfs none /mnt`]).exitCode === 0);
if (!haveSmallDisks) console.warn('skipped: this user may not mount a small file system (unshare, mount)');

export interface SmallDisk extends AsyncDisposable {
  /** Starts a server on it; the last one must have ended. */
  start(options?: StartOptions & { environment?: Record<string, string> }): Promise<TestProcess>;
  /** Runs a command of `bonded` on its data, to the end. */
  bonded(...args: string[]): Promise<{ code: number; out: string }>;
  /** Runs a program of this folder with the path of a database on it; resolves with what it wrote. */
  run(program: string, ...args: string[]): Promise<string>;
  /** Bytes that are free. */
  available(): Promise<number>;
  /** Leaves so many bytes free. */
  fill(leave?: number): Promise<void>;
  /** Leaves no room for another file. */
  fillInodes(): Promise<void>;
  /** Takes back what was filled. */
  free(): Promise<void>;
  /** Size of a file in the data directory. */
  size(name: string): number;
}

/** A file system in memory, in a mount namespace that a process holds open. It needs no privilege. */
export async function openSmallDisk(options: string): Promise<SmallDisk> {
  const mountPoint = await mkdtemp(join(tmpdir(), 'bonded-small-'));
  const mount = 'mount -t tmpfs -o "$1" none "$2"; echo mounted; exec sleep 600';
  const holder = Bun.spawn([...separate, 'sh', '-ec', mount, 'sh', options, mountPoint], {
    stdout: 'pipe',
    stderr: 'inherit',
  });
  const said = await holder.stdout.getReader().read();
  if (!said.value) throw new Error('a small file system could not be mounted');
  const enter = ['nsenter', '--user', '--mount', '--preserve-credentials', '--target', `${holder.pid}`];
  const data = join(mountPoint, 'data');
  const seen = `/proc/${holder.pid}/root${mountPoint}`;
  const filler = join(seen, 'filler');
  let fillers = 0;
  const available = async () => {
    const { bavail, bsize } = await statfs(seen);
    return bavail * bsize;
  };
  return {
    start: (start = {}) =>
      startTestProcess({ database: '', data, dataOutside: join(seen, 'data'), ...start, command: enter }),
    async bonded(...args) {
      const program = join(import.meta.dir, '../../bin/bonded');
      const child = Bun.spawn([...enter, program, ...args, '--data', data], { stdout: 'pipe', stderr: 'pipe' });
      const [out, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      return { code: await child.exited, out: out + error };
    },
    async run(program, ...args) {
      const path = join(mountPoint, 'facts.db');
      const command = [...enter, process.execPath, join(import.meta.dir, program), path, ...args];
      const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'inherit' });
      return new Response(child.stdout).text();
    },
    available,
    async fill(leave = 0) {
      const bytes = Math.max(0, (await available()) - leave);
      await writeFile(`${filler}-${fillers++}`, Buffer.alloc(bytes)).catch(ignoreFull);
    },
    async fillInodes() {
      for (;;) {
        try {
          await writeFile(`${filler}-${fillers++}`, '');
        } catch (error) {
          return ignoreFull(error as NodeJS.ErrnoException);
        }
      }
    },
    async free() {
      for (const name of await readdir(seen)) if (name.startsWith('filler')) await rm(join(seen, name));
    },
    size: (name) => Bun.file(join(seen, 'data', name)).size,
    async [Symbol.asyncDispose]() {
      // With the last process in it the namespace goes, and with that the file system.
      holder.kill('SIGKILL');
      await holder.exited;
      await rm(mountPoint, { recursive: true, force: true });
    },
  };
}

function ignoreFull(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOSPC') throw error;
}
