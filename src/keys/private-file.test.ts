import { expect, test } from 'bun:test';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeToGroup, makePrivateFile, readPrivateFile } from './private-file.ts';

async function inDirectory(action: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-keys-'));
  try {
    await action(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

test('a file is made once, whole and for its user alone, however many make it', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'keys', 'secret');
    expect(await readPrivateFile(path)).toBeUndefined();
    const texts = Array.from({ length: 20 }, (_, n) => `${n} `.repeat(50));
    await Promise.all(texts.map((text) => makePrivateFile(path, text)));
    const won = (await readPrivateFile(path))!;
    expect(texts).toContain(won);
    await makePrivateFile(path, 'another');
    expect(await readPrivateFile(path)).toBe(won);
    expect([await modeOf(path), await modeOf(join(directory, 'keys'))]).toEqual([0o600, 0o700]);
    expect(await readdir(join(directory, 'keys'))).toEqual(['secret']);
  }));

test('a file that others can read or change is refused, with what to do', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'secret');
    await writeFile(path, 'x');
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644]) {
      await chmod(path, mode);
      await expect(readPrivateFile(path)).rejects.toThrow(`(mode 0${mode.toString(8)}). Make it private (chmod 600)`);
    }
    await chmod(path, 0o400);
    expect(await readPrivateFile(path)).toBe('x');
  }));

test('what a volume gave to the group is taken back; what all may read is left to be seen', () =>
  inDirectory(async (directory) => {
    const path = join(directory, 'secret');
    await closeToGroup(path);
    await writeFile(path, 'x');
    for (const [before, after] of [
      [0o660, 0o600],
      [0o640, 0o600],
      [0o644, 0o644],
      [0o400, 0o400],
    ] as const) {
      await chmod(path, before);
      await closeToGroup(path);
      expect(await modeOf(path)).toBe(after);
    }
  }));

test('a link, a directory, a pipe and a long file are refused', () =>
  inDirectory(async (directory) => {
    const path = (name: string) => join(directory, name);
    await writeFile(path('target'), 'x', { mode: 0o600 });
    await symlink(path('target'), path('link'));
    await expect(readPrivateFile(path('link'))).rejects.toThrow('is a symbolic link');
    await mkdir(path('directory'), { mode: 0o700 });
    await expect(readPrivateFile(path('directory'))).rejects.toThrow('is not a file');
    expect(await Bun.spawn(['mkfifo', '-m', '600', path('pipe')]).exited).toBe(0);
    await expect(readPrivateFile(path('pipe'))).rejects.toThrow('is not a file');
    await writeFile(path('long'), 'x'.repeat(4097), { mode: 0o600 });
    await expect(readPrivateFile(path('long'))).rejects.toThrow('longer than 4096 bytes');
  }));
