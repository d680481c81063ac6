import { expect, test } from 'bun:test';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

test.each(['its own end', 'SIGINT'] as const)('a run leaves nothing behind: %s', async (end) => {
  const signal = end === 'SIGINT' ? end : undefined;
  const within = await mkdtemp(join(tmpdir(), 'bonded-workplace-'));
  const wait = signal ? 'setInterval(() => {}, 1000)' : '';
  const program = `import { makeWorkplace } from './workplace.ts';
    const directory = makeWorkplace(process.argv[1], 'run-');
    await Bun.write(directory + '/some/file', 'x');
    console.log('made');
    ${wait}`;
  try {
    const run = Bun.spawn([process.execPath, '-e', program, within], { cwd: import.meta.dir, stdout: 'pipe' });
    const { value } = await run.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe('made\n');
    if (signal) {
      expect(await readdir(within)).toHaveLength(1);
      run.kill(signal);
    }
    expect(await run.exited).toBe(signal ? 130 : 0);
    expect(await readdir(within)).toEqual([]);
  } finally {
    await rm(within, { recursive: true, force: true });
  }
});
