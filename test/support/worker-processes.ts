import type { TestProcess } from './server.ts';

/** The ids of a server's workers, as the system knows them; none of one that has ended. */
export async function workersOf({ process: { pid } }: TestProcess): Promise<number[]> {
  const children = await Bun.file(`/proc/${pid}/task/${pid}/children`)
    .text()
    .catch(() => '');
  const found: number[] = [];
  for (const child of children.trim().split(' ').filter(Boolean)) {
    const command = await Bun.file(`/proc/${child}/cmdline`)
      .text()
      .catch(() => '');
    if (command.endsWith('\0worker\0')) found.push(Number(child));
  }
  return found;
}

/** Whether a process runs; one that has ended and waits for its parent does not. */
export const isAlive = (pid: number): Promise<boolean> =>
  Bun.file(`/proc/${pid}/stat`)
    .text()
    .then((stat) => !/\) Z /.test(stat))
    .catch(() => false);

export async function until(condition: () => boolean | Promise<boolean>, withinMs = 60_000): Promise<void> {
  for (const late = performance.now() + withinMs; !(await condition()); await Bun.sleep(10)) {
    if (performance.now() > late) throw new Error('what was waited for did not happen');
  }
}
