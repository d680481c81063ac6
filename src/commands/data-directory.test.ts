import { expect, test } from 'bun:test';
import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { bonded, inDirectory } from '../../test/support/command.ts';
import { pushBlob } from '../../test/http/registry.ts';
import { startTestProcess } from '../../test/support/server.ts';

test('a data directory that cannot be used: which one, why, and no stack', () =>
  inDirectory(async (directory) => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    for (const command of [['serve', '--listen', '127.0.0.1:0'], ['gc'], ['gc', '--dry-run'], ['fsck']]) {
      const refused = await bonded([...command, '--data', file]);
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.error).toStartWith(`bonded: cannot use the data directory ${file}: it is not a directory (`);
      expect(refused.error.trim()).not.toContain('\n');
    }
    // Root may write everywhere but here.
    const kernel = await bonded(['serve', '--listen', '127.0.0.1:0', '--data', '/proc/bonded']);
    expect(kernel.error).toContain('cannot use the data directory /proc/bonded: ');
  }));

test('gc and fsck find no registry in a path that was mistyped, and leave nothing there', () =>
  inDirectory(async (directory) => {
    for (const command of [['gc'], ['gc', '--dry-run'], ['fsck'], ['fsck', '--repair']]) {
      const refused = await bonded([...command, '--data', join(directory, 'tpyo')]);
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.error).toContain('there is no data of a registry in');
    }
    expect(await readdir(directory)).toEqual([]);
  }));

test('facts that are lost do not start anew unseen: fsck --rebuild makes them of the bytes', () =>
  inDirectory(async (data) => {
    await using server = await startTestProcess({ data, database: '' });
    const digest = await pushBlob(server.url, 'app', 'kept');
    await server.end();
    for (const name of await readdir(data)) if (name.startsWith('bonded.db')) await rm(join(data, name));
    const refused = await bonded(['serve', '--listen', '127.0.0.1:0', '--data', data]);
    expect(refused.code).toBe(1);
    expect(refused.error).toContain('holds content, but the database is new');
    expect((await bonded(['fsck', '--repair', '--data', data])).error).toContain('the database is new');
    const rebuilt = await bonded(['fsck', '--rebuild', '--data', data]);
    expect(rebuilt.out).toContain('object-adopted');
    expect(rebuilt.out).toContain(digest);
    await using again = await startTestProcess({ data, database: '' });
    expect((await fetch(`${again.url}/v2/app/blobs/${digest}`, { method: 'HEAD' })).status).toBe(404);
    await pushBlob(again.url, 'app', 'kept');
    expect(await (await fetch(`${again.url}/v2/app/blobs/${digest}`)).text()).toBe('kept');
  }));

test('what it writes is for its user alone, also in a directory that others may read', () =>
  inDirectory(async (data) => {
    await chmod(data, 0o755);
    await using server = await startTestProcess({ data });
    await fetch(`${server.url}/v2/app/blobs/uploads/`, { method: 'POST' });
    const files = new Bun.Glob('**').scanSync({ cwd: data, onlyFiles: false, dot: true });
    const open = [];
    for (const name of files) {
      const { mode } = await Bun.file(join(data, name)).stat();
      if ((mode & 0o077) !== 0) open.push(`${name} ${(mode & 0o777).toString(8)}`);
    }
    expect(open).toEqual([]);
  }));
