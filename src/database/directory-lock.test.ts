import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { inDirectory } from '../../test/support/command.ts';
import { joinDirectory, lockDirectory } from './directory-lock.ts';

const module = JSON.stringify(join(import.meta.dir, 'directory-lock.ts'));

/** Another process: locks are between processes. Resolves with what it printed. */
async function elsewhere(directory: string, body: string): Promise<string> {
  const program = `const { joinDirectory, lockDirectory } = await import(${module});
    const directory = ${JSON.stringify(directory)};
    ${body}`;
  const child = Bun.spawn([process.execPath, '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  return (await new Response(child.stdout).text()).trim();
}

const tries = 'console.log(!!(await lockDirectory(directory)), !!(await lockDirectory(directory, true)))';

test('a directory belongs to one process, alone or with its workers, until that gives it back', () =>
  inDirectory(async (directory) => {
    const alone = (await lockDirectory(directory))!;
    expect(await elsewhere(directory, tries)).toBe('false false');
    alone();
    const parent = (await lockDirectory(directory, true))!;
    expect(await elsewhere(directory, tries)).toBe('false false');
    expect(await elsewhere(directory, 'joinDirectory(directory); console.log("joined")')).toBe('joined');
    parent();
    expect(await elsewhere(directory, 'console.log(!!(await lockDirectory(directory)))')).toBe('true');
  }));

test('who comes after a parent that was killed waits for its workers', () =>
  inDirectory(async (directory) => {
    (await lockDirectory(directory, true))!();
    const leave = joinDirectory(directory);
    let taken = false;
    const next = elsewhere(directory, 'console.log(!!(await lockDirectory(directory)))').finally(() => (taken = true));
    await Bun.sleep(700);
    expect(taken).toBe(false);
    leave();
    expect(await next).toBe('true');
  }));
