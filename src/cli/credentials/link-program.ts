import { lstat, mkdir, readlink, realpath, rename, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { findProgram } from './find-program.ts';

/** As which name clients start it. */
export const helperProgram = 'docker-credential-bonded';

/**
 * Makes clients find the helper: it is linked into `programs` where that is on PATH, unless PATH leads to it anyway.
 * Resolves with why that is not so; undefined: it is. `self` is the path of this program.
 */
export async function linkHelper(
  self: string,
  programs: string,
  path: string | undefined,
): Promise<string | undefined> {
  const found = await findProgram(helperProgram, path);
  if (found !== undefined && (await isSame(found, self))) return undefined;
  const folders = (path ?? '').split(delimiter);
  if (!folders.includes(programs)) return `${programs} is not on PATH`;
  const link = join(programs, helperProgram);
  const there = await lstat(link).catch(() => undefined);
  if (there && !there.isSymbolicLink()) return `${link} is another program`;
  await mkdir(programs, { recursive: true });
  // A link of an older installation gives way at once: there is no moment without one.
  if ((await readlink(link).catch(() => '')) !== self) {
    const draft = `${link}.${process.pid}`;
    await symlink(self, draft);
    await rename(draft, link);
  }
  const first = await findProgram(helperProgram, path);
  return first !== undefined && (await isSame(first, self))
    ? undefined
    : `another ${helperProgram} comes first on PATH`;
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all(
    [realpath(one), realpath(other)].map((path) => path.catch(() => undefined)),
  );
  return first !== undefined && first === second;
}
