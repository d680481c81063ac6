import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const tool = join(import.meta.dir, '..', '..', 'tools', 'build-binary.ts');

export interface Built extends AsyncDisposable {
  directory: string;
  /** The program itself. */
  program: string;
}

/** A program as `npm run build:binary` makes it, in a directory of its own. */
export async function buildProgram(): Promise<Built> {
  return build((directory) => [join(directory, 'bonded')], 'bonded');
}

/** The root file system of the image; `directory` is the root. */
export async function buildRoot(): Promise<Built> {
  return build((directory) => ['--root', directory], 'usr/bin/bonded');
}

async function build(args: (directory: string) => string[], program: string): Promise<Built> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-binary-'));
  const removed = () => rm(directory, { recursive: true, force: true });
  const child = Bun.spawn([process.execPath, tool, ...args(directory)], { stdout: 'ignore', stderr: 'pipe' });
  const complaint = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) {
    await removed();
    throw new Error(`the binary could not be built: ${complaint}`);
  }
  return { directory, program: join(directory, program), [Symbol.asyncDispose]: removed };
}
